import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { Clearing, clearRemoved } from './clearing.ts'
import { readConfig } from './config.ts'
import { openCore, type Core } from './core.ts'
import { Purge } from './purge.ts'

let folder = ''
let core: Core
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clearing-'))
  core = await openCore(readConfig({ data: folder }, {}))
})
afterEach(async () => {
  await core.close()
  await rm(folder, { recursive: true })
})

const files = 1_200

/** A source of `files` files with a picture each, one of which was looked at. */
async function addSource(): Promise<{ id: number; hash: string }> {
  const { registry, blobs, database } = core
  const owner = (await registry.owner('anna')) ?? (await registry.addOwner('anna', 'free'))
  const { id } = await registry.addSource({
    ownerId: owner.id,
    name: 'nas',
    kind: 'folder',
    address: '/music',
    settings: {},
    intervalMs: 60_000,
    password: null,
  })
  await database.sql.run(
    `insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
     with recursive n (n) as (select 1 union all select n + 1 from n where n < ?)
     select ?, n, '["a"]', 1, 'v1', n, 0, 0, 0 from n`,
    files,
    id,
  )
  const bytes = Buffer.from(`picture ${id}`)
  const hash = createHash('sha256').update(bytes).digest('hex')
  await blobs.put(hash, bytes)
  await database.sql.run(
    `insert into cover (item_id, owner_id, source_id, version, folder, rank, hash)
     select id, ?, source_id, 'v1', 'f', 1, ? from item where source_id = ?`,
    owner.id,
    hash,
    id,
  )
  return { id, hash }
}

async function left(id: number): Promise<number> {
  const row = await core.database.sql.get<{ n: number }>(
    'select (select count(*) from item where source_id = ?1) + (select count(*) from cover where source_id = ?1) as n',
    id,
  )
  return row?.n ?? 0
}

it('clears away what a removed source has left, a portion at a time, and frees the pictures that nobody shows any more', async () => {
  const gone = await addSource()
  await core.registry.removeSource(gone.id)
  const kept = await addSource()
  const steps: number[] = []
  const rows = await clearRemoved(core, { told: (count) => steps.push(count) })
  expect(rows).toBe(2 * files + 1)
  expect(steps.length).toBeGreaterThan(4)
  expect(await left(gone.id)).toBe(0)
  expect(await left(kept.id)).toBe(2 * files)
  const purge = new Purge({ ...core, clock: { ...systemClock, after: soon } }, silentLog)
  purge.start()
  await expect.poll(() => core.blobs.has(gone.hash)).toBe(false)
  await purge.stop()
  expect(await core.blobs.has(kept.hash)).toBe(true)
})

it('goes on where somebody died over it, in the next process', async () => {
  const { id } = await addSource()
  await core.registry.removeSource(id)
  await clearRemoved(core, { maxPortions: 2 })
  const half = await left(id)
  expect(half).toBeGreaterThan(0)
  expect(half).toBeLessThan(2 * files)
  await core.close()
  core = await openCore(readConfig({ data: folder }, {}))
  const clearing = new Clearing(core, silentLog)
  clearing.start()
  await expect.poll(() => left(id)).toBe(0)
  await clearing.stop()
})

it('sees what is removed later when it is told to look, after an error as well, and ends when it is told to', async () => {
  const clock = { ...systemClock, sleep }
  let fails = 1
  const registry = {
    clearRemoved: async (limit: number) => {
      if (fails-- > 0) throw new Error('the disk is full')
      return core.registry.clearRemoved(limit)
    },
  }
  const messages: string[] = []
  const log = { ...silentLog, error: (_: object, message: string) => messages.push(message) }
  const clearing = new Clearing({ registry, clock }, log)
  clearing.start()
  const { id } = await addSource()
  await core.registry.removeSource(id)
  await expect.poll(() => messages).toHaveLength(1)
  clearing.look()
  await expect.poll(() => left(id)).toBe(0)
  await clearing.stop()
})

/** Short waits are over at once, long ones when somebody ends them. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return systemClock.sleep(ms > 10_000 ? ms : 0, signal)
}

function soon(_: number, run: () => void): () => void {
  const next = setImmediate(run)
  return () => clearImmediate(next)
}
