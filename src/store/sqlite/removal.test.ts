import { expect, test } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import { Database } from './database.ts'
import { migrate } from './migrations.ts'
import { SqliteRegistry } from './registry.ts'

const files = 1_300

/** A source of so many files, and as many effects; `pause` is what happens between two portions. */
async function removal(pause: () => void) {
  const db = new Database(':memory:')
  migrate(db)
  let effects = files
  const portions: number[] = []
  const writer: EffectWriter = {
    applied: () => undefined,
    skipped: () => undefined,
    gone: () => undefined,
    sourceRemoved: (_source, limit) => {
      const removed = Math.min(limit, effects)
      effects -= removed
      portions.push(removed)
      return removed
    },
  }
  const clock: Clock = {
    now: () => 1_700_000_000_000,
    elapsed: () => 0,
    sleep: async () => pause(),
    after: () => () => undefined,
  }
  const registry = new SqliteRegistry({
    db,
    clock,
    secrets: {
      seal: (text) => Buffer.from(text),
      open: (sealed) => Buffer.from(sealed).toString(),
    },
    effects: writer,
    onChange: () => undefined,
  })
  const { id: ownerId } = await registry.addOwner('anna', 'free')
  const { id } = await registry.addSource({
    ownerId,
    name: 'nas',
    kind: 'folder',
    address: '/music',
    settings: {},
    intervalMs: 900_000,
    password: null,
  })
  const insert = db.prepare(
    `insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
     values (?, ?, '[]', 1, 'v1', ?, 0, 1, 0)`,
  )
  for (let n = 0; n < files; n++) insert.run(id, `f${n}`, n)
  const items = (): number =>
    db.prepare<{ count: number }>('select count(*) as count from item').get()?.count ?? 0
  return { registry, id, items, portions, effects: () => effects }
}

test('a source goes in portions, each a transaction of its own', async () => {
  let pauses = 0
  const { registry, id, items, portions, effects } = await removal(() => pauses++)
  await registry.removeSource(id)
  expect(await registry.source(id)).toBeNull()
  expect(items()).toBe(0)
  expect(effects()).toBe(0)
  expect(Math.max(...portions)).toBeLessThanOrEqual(500)
  // Three portions of effects, three of files.
  expect(pauses).toBe(6)
})

test('a removal that was broken off leaves a source that stands still, and can be done again', async () => {
  let pauses = 0
  const { registry, id, items } = await removal(() => {
    if (++pauses === 4) throw new Error('killed')
  })
  await expect(registry.removeSource(id)).rejects.toThrow('killed')
  expect(items()).toBe(800)
  expect((await registry.sourceStatus(id))?.state).toBe('paused')
  await registry.removeSource(id)
  expect(await registry.source(id)).toBeNull()
  expect(items()).toBe(0)
})
