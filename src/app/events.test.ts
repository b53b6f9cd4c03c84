import { expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import type { ListClaim, Result } from '../engine/task.ts'
import { Events } from './events.ts'

const claim: ListClaim = {
  kind: 'list',
  fence: 1,
  pool: 'list',
  slot: 1,
  ownerId: 1,
  sourceId: 1,
  untilMs: 9,
  roundId: 1,
  step: null,
}
const result: Result = { type: 'released', claim, usedMs: 1 }

async function figures(events: Events): Promise<string> {
  const text = await events.metrics.metrics()
  return text
    .split('\n')
    .filter((line) => /^sync_(slots|leases)/.test(line))
    .join('\n')
}

test('a slot is free again at the end of its lease, and only once', async () => {
  const events = new Events(silentLog, { list: 2, read: 3 })
  events.claimed(claim)
  expect(await figures(events)).toBe(
    [
      'sync_slots_busy{pool="list"} 1',
      'sync_slots_busy{pool="read"} 0',
      'sync_slots_free{pool="list"} 1',
      'sync_slots_free{pool="read"} 3',
    ].join('\n'),
  )
  events.expired(claim)
  events.ended(claim, result, false)
  expect(await figures(events)).toBe(
    [
      'sync_leases_expired_total{kind="list"} 1',
      'sync_slots_busy{pool="list"} 0',
      'sync_slots_busy{pool="read"} 0',
      'sync_slots_free{pool="list"} 2',
      'sync_slots_free{pool="read"} 3',
    ].join('\n'),
  )
})
