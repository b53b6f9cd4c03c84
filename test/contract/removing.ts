import { expect, it } from 'vitest'
import type { Policy } from '../../src/engine/policy.ts'
import { applied, asRead, failed, file, listed, type Bench } from './bench.ts'

type BenchOf = (policy?: Partial<Policy>) => Promise<Bench>

/** A source that has some of everything: read and owed files, parked and delayed tasks, two in slots, an open round. */
async function busySource(bench: Bench, owner: number | string): Promise<number> {
  const source = await bench.addSource(owner)
  await bench.fill(source, 4, true)
  await bench.ask(source)
  const files = Array.from({ length: 12 }, (_, n) => file(`f${n}`))
  await bench.write(listed(await bench.list(), files, { next: [{ step: 'below' }, { step: 'b' }] }))
  const [parked, delayed] = await bench.reads(2)
  for (let n = 0; n < 2; n++) await bench.write(failed(parked!, 'internal'))
  await bench.write(failed(delayed!, 'internal'))
  await bench.reads(2)
  await bench.turn([], { list: 1 })
  return source
}

async function all(bench: Bench): Promise<object> {
  const { processes: _, pools: __, ...work } = await bench.operations.work(null, 99)
  const isAll = { ownerId: null, sourceId: null, isAll: true, limit: 99, after: 0 }
  return {
    ...work,
    failed: await bench.operations.failed(isAll),
    figures: await bench.operations.figures(),
    parked: await bench.operations.sourcesWithParked(99),
    stalls: await bench.store.stalls(),
  }
}

/** Every promise of docs/spec/engine.md about sources that are removed. */
export function removing(benchOf: BenchOf): void {
  it('D1 a removed source is gone at once, whatever it was at', async () => {
    const bench = await benchOf({ maxAttempts: 1, slots: { list: 2, read: 4 } })
    const source = await busySource(bench, 'anna')
    const { id: owner } = (await bench.registry.owner('anna'))!
    expect(await bench.registry.ownerOf(source)).toMatchObject({ id: owner, name: 'anna' })
    await bench.registry.removeSource(source)
    await bench.registry.removeSource(source)
    expect(await bench.registry.source(source)).toBeNull()
    expect(await bench.registry.ownerOf(source)).toBeNull()
    expect(await bench.registry.sources(owner)).toEqual([])
    expect(await bench.registry.sourceStatus(source)).toBeNull()
    expect(await bench.registry.isBusy(source)).toBe(false)
    expect(await bench.registry.password(source)).toBeNull()
    expect(await bench.registry.troubles(source, 9)).toEqual([])
    expect((await bench.registry.ownerStatus(owner))!.counts).toEqual({
      waiting: 0,
      running: 0,
      done: 0,
      failed: 0,
      skipped: 0,
    })
    expect(await all(bench)).toEqual({
      slots: [],
      lanes: [],
      unwell: [],
      parked: [],
      failed: [],
      figures: { lanes: [], resting: 0, stopped: 0, parked: 0 },
      stalls: [],
    })
    bench.pass(3 * 3_600_000)
    expect(await bench.claims()).toEqual([])
  })

  it('D1 nothing that was meant for a removed source brings it back', async () => {
    const bench = await benchOf({ maxAttempts: 1, slots: { list: 2, read: 4 } })
    const source = await busySource(bench, 'anna')
    const [task] = await bench.operations.failed({
      ownerId: null,
      sourceId: source,
      isAll: true,
      limit: 9,
      after: 0,
    })
    await bench.registry.removeSource(source)
    await bench.registry.ask(source, true)
    await bench.registry.setPaused(source, false)
    await bench.registry.confirmDeletions(source)
    await bench.operations.restart(source)
    expect(await bench.operations.retry(task!.id, null)).toBe(false)
    expect(await bench.operations.retryAll(source)).toBe(0)
    expect(await bench.operations.dropAll(source)).toBe(0)
    await expect(bench.registry.setPassword(source, 'secret')).rejects.toMatchObject({
      code: 'bad-input',
    })
    bench.pass(3 * 3_600_000)
    expect(await bench.claims()).toEqual([])
    expect(await bench.registry.source(source)).toBeNull()
  })

  it('D1 another source has its name at once, is read while the old one is cleared away, and loses nothing', async () => {
    const bench = await benchOf({ maxAttempts: 1, slots: { list: 2, read: 4 } })
    const old = await busySource(bench, 'anna')
    const { ownerId, name } = (await bench.registry.source(old))!
    await bench.registry.removeSource(old)
    const entry = { ownerId, name, kind: 'memory', address: 'memory:', settings: {} }
    const { id } = await bench.registry.addSource({
      ...entry,
      intervalMs: 900_000,
      password: null,
    })
    bench.pass(600_000)
    await bench.registry.clearRemoved(3)
    await bench.round(id, [file('f0'), file('f1'), file('f2')])
    await bench.registry.clearRemoved(3)
    await bench.readAll()
    while ((await bench.registry.clearRemoved(3)) > 0) await bench.turn()
    expect(await bench.keys(id)).toEqual(['f0', 'f1', 'f2'])
    expect((await bench.status(id)).counts).toMatchObject({ done: 3, waiting: 0 })
    expect((await bench.registry.sources(ownerId)).map((source) => source.id)).toEqual([id])
  })

  it('D2 what a removed source has left goes in portions, through every restart, and nothing else does', async () => {
    const bench = await benchOf({ maxAttempts: 1, slots: { list: 4, read: 8 } })
    const other = await bench.addSource('carl')
    await bench.fill(other, 3, true)
    const before = await bench.status(other)
    const sources: number[] = []
    for (const owner of ['anna', 'bob']) {
      const source = await busySource(bench, owner)
      await bench.registry.removeSource(source)
      sources.push(source)
    }
    for (let portions = 0; portions < 200; portions++) {
      const rows = await bench.registry.clearRemoved(2)
      expect(rows).toBeLessThanOrEqual(2)
      if (rows === 0) break
      await bench.restart()
      await bench.turn()
    }
    expect(await bench.registry.clearRemoved(2)).toBe(0)
    for (const source of sources) expect(await bench.keys(source)).toEqual([])
    expect(await bench.subject.tasks()).toBe(0)
    expect(await bench.status(other)).toEqual(before)
    expect(await bench.keys(other)).toEqual(['f0', 'f1', 'f2'])
  })

  it('D2 a result of a removed source is refused while it is cleared away and when it is gone', async () => {
    const bench = await benchOf({ slots: { list: 2, read: 4 } })
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    const claims = (await bench.reads(3)).map(asRead)
    await bench.registry.removeSource(source)
    for (const claim of claims) {
      expect((await bench.write(applied(claim))).acks).toEqual([{ isHeld: false }])
      await bench.registry.clearRemoved(1_000)
    }
    expect(await bench.keys(source)).toEqual([])
  })
}
