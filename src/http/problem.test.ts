import { expect, test } from 'vitest'
import { errorCodes, SyncError } from '../base/errors.ts'
import { hintOf, problemHeaders, problemOf, Refusal, statusOf } from './problem.ts'

test('Every code of the table is answered with a status of an error', () => {
  expect(Object.keys(statusOf).sort()).toEqual(Object.keys(errorCodes).sort())
  for (const status of Object.values(statusOf)) expect(status).toBeGreaterThanOrEqual(400)
})

test('An error of ours tells its code, its remedy and what to do', () => {
  expect(problemOf(new SyncError('unreachable', 'drive.example does not answer.'))).toEqual({
    type: 'about:blank',
    title: 'Bad Gateway',
    status: 502,
    detail: 'drive.example does not answer.',
    code: 'unreachable',
    remedy: 'source',
    hint: errorCodes.unreachable[1],
  })
})

test('A refusal tells what the request lacks', () => {
  const problem = problemOf(new Refusal('unknown-user', 'There is no user "x".'))
  expect(problem).toMatchObject({ status: 404, title: 'Not Found', code: 'unknown-user' })
  expect(problem.hint).not.toBe('')
})

test.for([
  new Error('password=hunter2 at /home/anna'),
  new SyncError('internal', 'password=hunter2 at /home/anna'),
  new SyncError('database', 'password=hunter2 at /home/anna'),
  'password=hunter2 at /home/anna',
  Object.assign(new Error('password=hunter2 at /home/anna'), { statusCode: 500 }),
])('What nobody foresaw is a 500 that says nothing of our insides: %#', (thrown) => {
  const problem = problemOf(thrown)
  expect(problem.status).toBe(500)
  expect(JSON.stringify(problem)).not.toMatch(/hunter2|anna/)
})

test('Retry-After is what the remote asked for, in whole seconds', () => {
  const slow = new SyncError('rate-limited', 'Slow down.', { retryAfterMs: 1_200 })
  expect(problemHeaders(slow, 503)).toEqual({ 'retry-after': '2' })
})

test('A stored code has its hint, and an unknown one has none', () => {
  expect(hintOf('unparsable')).toBe(errorCodes.unparsable[1])
  expect(hintOf('toString')).toBe('')
})
