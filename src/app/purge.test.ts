import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock, type Clock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { readConfig } from './config.ts'
import { openCore, type Core } from './core.ts'
import { Purge } from './purge.ts'

let folder = ''
let core: Core
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'purge-'))
  core = await openCore(readConfig({ data: folder }, {}))
})
afterEach(async () => {
  await core.close()
  await rm(folder, { recursive: true })
})

it('removes the pictures that no cover has, over as many steps as it takes, and no others', async () => {
  const orphans = await put(core, 300, 'orphan')
  const kept = await put(core, 300, 'kept')
  for (const [index, hash] of kept.entries()) await addCover(core, index, hash)
  const timer = new HandClock()
  const purge = new Purge({ ...core, clock: timer }, silentLog)
  purge.start()
  await timer.fire()
  while (timer.waitsMs < 60_000) await timer.fire()
  await purge.stop()
  expect(await core.blobs.hashes('', 10_000)).toEqual(kept.toSorted())
  expect(await core.blobs.has(orphans[0]!)).toBe(false)
})

it('comes back the next day, after an error as well, and not once it is stopped', async () => {
  const timer = new HandClock()
  const purge = new Purge({ ...core, clock: timer }, silentLog)
  const [orphan = ''] = await put(core, 1, 'orphan')
  purge.start()
  await core.database.sql.run('pragma query_only = on')
  await timer.fire()
  expect(await core.blobs.has(orphan)).toBe(true)
  await core.database.sql.run('pragma query_only = off')
  expect(timer.waitsMs).toBe(86_400_000)
  await timer.fire()
  expect(await core.blobs.has(orphan)).toBe(false)
  await purge.stop()
  expect(timer.waitsMs).toBe(Number.POSITIVE_INFINITY)
})

it('removes old tombstones after a single sync', async () => {
  await core.database.sql.run(
    `insert into artist (owner_id, key, empty_ms)
     with recursive n (n) as (select 1 union all select n + 1 from n where n < 1200)
     select 1, n, 1 from n`,
  )
  await core.database.sql.run(
    "insert into artist (owner_id, key, empty_ms) values (1, 'shown', null)",
  )
  await new Purge(core, silentLog).afterSync()
  const left = await core.database.sql.all<{ key: string }>('select key from artist')
  expect(left.map(({ key }) => key)).toEqual(['shown'])
})

/** The system's clock, but that what is to come later comes when the test says so. */
class HandClock implements Clock {
  waitsMs = Number.POSITIVE_INFINITY
  #run: () => void = () => undefined

  now(): number {
    return systemClock.now()
  }

  elapsed(): number {
    return systemClock.elapsed()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }

  after(ms: number, run: () => void): () => void {
    this.waitsMs = ms
    this.#run = run
    return () => {
      this.waitsMs = Number.POSITIVE_INFINITY
    }
  }

  /** Resolves when the next call is arranged. */
  async fire(): Promise<void> {
    this.waitsMs = Number.POSITIVE_INFINITY
    this.#run()
    while (this.waitsMs === Number.POSITIVE_INFINITY) await setImmediate()
  }
}

function put({ blobs }: Core, count: number, what: string): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const bytes = Buffer.from(`${what} ${n}`)
      const hash = createHash('sha256').update(bytes).digest('hex')
      await blobs.put(hash, bytes)
      return hash
    }),
  )
}

async function addCover({ database }: Core, itemId: number, hash: string): Promise<void> {
  await database.sql.run(
    `insert into cover (item_id, owner_id, source_id, version, hash) values (?, 1, 1, 'v', ?)`,
    itemId,
    hash,
  )
}
