import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { House } from './house.ts'

const golden = new URL('../golden/openapi.json', import.meta.url)

test('The OpenAPI document is the one that was agreed on; UPDATE_GOLDEN=1 agrees on the present one', async () => {
  await using house = await House.open()
  const { status, text } = await house.ask('/api/openapi.json')
  expect(status).toBe(200)
  const present = `${JSON.stringify(JSON.parse(text), null, 2)}\n`
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(golden, present)
  expect(present).toBe(await readFile(golden, 'utf8'))
})

test('Every route is in the document, with what can go wrong', async () => {
  await using house = await House.open()
  const { json } = await house.ask('/api/openapi.json')
  const paths = json['paths'] as Record<
    string,
    Record<string, { responses: object; summary: string }>
  >
  expect(Object.keys(paths).sort()).toEqual([
    '/api/covers/{id}',
    '/api/events',
    '/api/restart-stuck',
    '/api/search',
    '/api/status',
    '/api/tracks',
    '/api/users/{name}/sources/{source}/confirm-deletions',
    '/api/users/{name}/sources/{source}/pause',
    '/api/users/{name}/sources/{source}/restart',
    '/api/users/{name}/sources/{source}/resume',
    '/api/users/{name}/sources/{source}/sync',
    '/api/users/{name}/sources/{source}/troubles',
    '/api/users/{name}/tasks',
    '/api/users/{name}/tasks/{id}/drop',
    '/api/users/{name}/tasks/{id}/retry',
    '/health',
    '/metrics',
  ])
  for (const [path, methods] of Object.entries(paths)) {
    for (const { responses, summary } of Object.values(methods)) {
      expect(summary).not.toBe('')
      if (path !== '/health')
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['4XX', '5XX']))
    }
  }
})
