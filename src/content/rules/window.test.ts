import { expect, test } from 'vitest'
import { deploymentWindow, windowErrors } from './window.ts'

const nowMs = Date.UTC(2026, 10, 21)
const minute = 60_000

function errorsAt(timestamp: number): readonly string[] {
  const claim = { entityId: 'bafy', pointers: ['0,0', '0,1'], timestamp }
  return windowErrors(claim, nowMs, deploymentWindow)
}

test('twenty minutes back and a quarter of an hour ahead are good, both ends included', () => {
  expect(errorsAt(nowMs)).toEqual([])
  expect(errorsAt(nowMs - 20 * minute)).toEqual([])
  expect(errorsAt(nowMs + 15 * minute)).toEqual([])
})

test('what is older or further is told so', () => {
  expect(errorsAt(nowMs - 20 * minute - 1)).toEqual([
    'The request is not recent enough, please submit it again with a new timestamp (entityId=bafy pointers=0,0,0,1).',
  ])
  expect(errorsAt(nowMs + 15 * minute + 1)).toEqual([
    'The request is too far in the future, please submit it again with a new timestamp (entityId=bafy pointers=0,0,0,1).',
  ])
})
