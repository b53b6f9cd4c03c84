import { describe, expect, it } from 'vitest'
import { restartStuck, type FailedTask, type SlotStatus } from '../../src/engine/operations.ts'
import type { Policy } from '../../src/engine/policy.ts'
import type { Pool } from '../../src/engine/task.ts'
import { applied, asRead, checked, failed, file, listed, settled, type Bench } from './bench.ts'

type BenchOf = (policy?: Partial<Policy>) => Promise<Bench>

const minute = 60_000
/** The first failure parks. */
const strict = { maxAttempts: 1 }

/** Every promise of docs/spec/engine.md about what an operator sees and does. */
export function operating(benchOf: BenchOf): void {
  describe('dropping', () => dropping(benchOf))
  describe('retrying', () => retrying(benchOf))
  describe('restarting', () => restarting(benchOf))
  describe('pausing a process', () => pausing(benchOf))
  describe('showing', () => showing(benchOf))
}

function failedTasks(bench: Bench, isAll = true): Promise<readonly FailedTask[]> {
  return bench.operations.failed({ ownerId: null, sourceId: null, isAll, limit: 10, after: 0 })
}

async function oneFailed(bench: Bench): Promise<FailedTask> {
  const [task, other] = await failedTasks(bench)
  if (task === undefined || other !== undefined) throw new Error('not one failed task')
  return task
}

/** A source with one file that was shown and now, in a newer version, cannot be read. */
async function oneBadFile(bench: Bench): Promise<number> {
  const source = await bench.addSource('anna')
  await bench.fill(source, 2, true)
  await bench.ask(source)
  await bench.round(source, [file('f0', 'v2'), file('f1')])
  const [read] = await bench.reads(1)
  await bench.write(failed(read!, 'internal'))
  return source
}

/** A source whose first place was listed and names another one, whose step has failed. */
async function oneBadStep(bench: Bench): Promise<number> {
  const source = await bench.addSource('anna')
  await bench.round(source, [file('f0')], { next: [{ step: 'below' }] })
  await bench.write(failed(await bench.list(), 'internal'))
  return source
}

function dropping(benchOf: BenchOf): void {
  it('O1 a dropped read makes its item skipped until its version changes', async () => {
    const bench = await benchOf()
    const source = await oneBadFile(bench)
    expect(await bench.operations.drop((await oneFailed(bench)).id, null)).toBe(true)
    expect(await bench.keys(source)).toEqual(['f1'])
    expect(await bench.registry.troubles(source, 9)).toEqual([
      {
        sourceId: source,
        path: 'f0',
        state: 'skipped',
        code: 'dropped',
        message: 'An operator had it left out.',
      },
    ])
    bench.pass(60 * minute)
    await bench.round(source, [file('f0', 'v2'), file('f1')])
    expect(await bench.reads(4)).toEqual([])
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v3'), file('f1')])
    await bench.readAll()
    expect(await bench.keys(source)).toEqual(['f0', 'f1'])
  })

  it('O1 a dropped step makes its round unclean, and ends it if it was the last', async () => {
    const bench = await benchOf()
    const source = await oneBadStep(bench)
    expect((await bench.status(source)).state).toBe('listing')
    expect(await bench.operations.drop((await oneFailed(bench)).id, null)).toBe(true)
    expect((await bench.status(source)).lastRound).toMatchObject({
      outcome: 'unclean',
      reason: { code: 'dropped' },
    })
    await bench.turn()
  })

  it('O1 nothing is hidden by a round with a dropped step', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 3, true)
    await bench.ask(source)
    await bench.round(source, [file('f0')], { next: [{ step: 'below' }] })
    await bench.write(failed(await bench.list(), 'internal'))
    await bench.operations.drop((await oneFailed(bench)).id, null)
    expect(await bench.claims()).toEqual([])
    expect(await bench.keys(source)).toEqual(['f0', 'f1', 'f2'])
  })

  it('O1 a dropped settling leaves everything as it is', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 3, true)
    await bench.ask(source)
    await bench.round(source, [file('f0'), file('f1')])
    await bench.write(failed(await bench.settle(), 'internal'))
    expect(await oneFailed(bench)).toMatchObject({ kind: 'settle' })
    await bench.operations.drop((await oneFailed(bench)).id, null)
    expect((await bench.status(source)).lastRound?.outcome).toBe('unclean')
    expect(await bench.keys(source)).toEqual(['f0', 'f1', 'f2'])
  })

  it('O1 all parked tasks of a source are dropped together, those of others are not', async () => {
    const bench = await benchOf(strict)
    const sources = [await bench.addSource('anna'), await bench.addSource('bob')]
    for (const source of sources) await bench.fill(source, 2)
    for (const read of await bench.reads(4)) await bench.write(failed(read, 'internal'))
    expect(await bench.operations.dropAll(sources[0]!)).toBe(2)
    expect((await bench.status(sources[0]!)).counts).toMatchObject({ skipped: 2, failed: 0 })
    expect((await bench.status(sources[1]!)).counts).toMatchObject({ skipped: 0, failed: 2 })
    await bench.turn()
  })

  it('O1 nobody drops or retries what is of another owner, runs, or is not there', async () => {
    const bench = await benchOf()
    await oneBadFile(bench)
    const bob = await bench.registry.addOwner('bob', 'free')
    const { id } = await oneFailed(bench)
    for (const act of ['drop', 'retry'] as const) {
      expect(await bench.operations[act](id, bob.id)).toBe(false)
      expect(await bench.operations[act](id + 1_000, null)).toBe(false)
    }
    bench.pass(minute)
    const [read] = await bench.reads(1)
    expect(await bench.operations.drop(id, null)).toBe(false)
    expect(await bench.operations.retry(id, null)).toBe(false)
    await bench.write(applied(read!))
    expect(await failedTasks(bench)).toEqual([])
  })
}

function retrying(benchOf: BenchOf): void {
  it('O2 a retried read is ready at once, with its attempts forgotten', async () => {
    const bench = await benchOf({ maxAttempts: 2 })
    const source = await oneBadFile(bench)
    expect(await bench.reads(4)).toEqual([])
    const delayed = await oneFailed(bench)
    expect(delayed).toMatchObject({ what: 'f0', attempts: 1, nextMs: expect.any(Number) })
    expect(await bench.operations.retry(delayed.id, null)).toBe(true)
    const [again] = await bench.reads(4)
    expect(again?.item.version).toBe('v2')
    await bench.write(failed(again!, 'internal'))
    // Its first attempt again: else it were parked now.
    expect(await oneFailed(bench)).toMatchObject({ attempts: 1, nextMs: expect.any(Number) })
    bench.pass(minute)
    await bench.readAll()
    expect(await bench.shown.of(source)).toMatchObject({ f0: 'f0 v2' })
  })

  it('O2 a parked read is retried, and counts as owed', async () => {
    const bench = await benchOf(strict)
    const source = await oneBadFile(bench)
    const parked = await oneFailed(bench)
    expect(parked).toMatchObject({ attempts: 1, nextMs: null, code: 'internal', owner: 'anna' })
    expect(await bench.operations.retry(parked.id, null)).toBe(true)
    expect((await bench.status(source)).counts).toMatchObject({ waiting: 1, failed: 0 })
    expect(await failedTasks(bench)).toEqual([])
    await bench.readAll()
    expect(await bench.shown.of(source)).toMatchObject({ f0: 'f0 v2' })
  })

  it('O2 a retried step is listed in its round, while that is open', async () => {
    const bench = await benchOf()
    const source = await oneBadStep(bench)
    const { id, what } = await oneFailed(bench)
    expect(what).toBe('below')
    expect(await bench.operations.retry(id, null)).toBe(true)
    const again = await bench.list()
    expect(again.step).toBe('below')
    await bench.write(failed(again, 'internal'))
    // Its first attempt again.
    expect(await oneFailed(bench)).toMatchObject({ attempts: 1 })
    await bench.operations.retry(id, null)
    await bench.write(listed(await bench.list(), [file('below/f1')]))
    expect((await bench.status(source)).lastRound?.outcome).toBe('clean')
  })

  it('O2 a parked step of a round that is over is listed by a new round, at once', async () => {
    const bench = await benchOf(strict)
    const source = await oneBadStep(bench)
    expect((await bench.status(source)).lastRound?.outcome).toBe('unclean')
    expect(await bench.operations.retry((await oneFailed(bench)).id, null)).toBe(true)
    expect(await failedTasks(bench)).toEqual([])
    await bench.round(source, [file('f0')], { next: [{ step: 'below' }] })
    await bench.write(listed(await bench.list(), [file('below/f1')]))
    expect((await bench.status(source)).lastRound?.outcome).toBe('clean')
  })

  it('O2 all parked tasks of a source are retried together', async () => {
    const bench = await benchOf(strict)
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    for (const read of await bench.reads(4)) await bench.write(failed(read, 'internal'))
    expect(await bench.operations.sourcesWithParked(9)).toEqual([source])
    expect(await bench.operations.sourcesWithParked(9, source)).toEqual([])
    expect(await bench.operations.retryAll(source)).toBe(4)
    await bench.readAll()
    expect(await bench.keys(source)).toHaveLength(4)
  })
}

function restarting(benchOf: BenchOf): void {
  it('O3 a restart gives up what runs: its results are refused, and everything is done once more', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('f0'), file('f1')], { next: [{ step: 'below' }] })
    const before = await bench.claims()
    expect(before.map(({ kind }) => kind)).toEqual(['list', 'read', 'read'])
    await bench.operations.restart(source)
    expect((await bench.status(source)).lastRound?.outcome).toBe('restarted')
    const after = await bench.claims()
    expect(after.map(({ kind }) => kind).toSorted()).toEqual(['list', 'read', 'read'])
    const [list, ...reads] = before
    const late = await bench.write(listed(list!, []), ...reads.map((read) => applied(read)))
    expect(late.acks.map(({ isHeld }) => isHeld)).toEqual([false, false, false])
    expect(await bench.keys(source)).toEqual([])
    const again = after.find(({ kind }) => kind === 'list')
    expect(again).toMatchObject({ step: null })
    await bench.write(listed(again!, [file('f0'), file('f1')]))
    await bench.write(...after.filter(({ kind }) => kind === 'read').map((read) => applied(read)))
    expect(await bench.keys(source)).toEqual(['f0', 'f1'])
    expect((await bench.status(source)).lastRound?.outcome).toBe('clean')
  })

  it('O3 a restart keeps what is shown, and hides only what a clean round did not see', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 4, true)
    await bench.operations.restart(source)
    await bench.turn()
    expect(await bench.keys(source)).toHaveLength(4)
    const claims = await bench.claims({})
    expect(claims).toEqual([])
  })

  it('O3 a restart closes the breaker and owes again what was parked, but a paused source stays paused', async () => {
    const bench = await benchOf({ ...strict, maxFailures: 1 })
    const source = await bench.addSource('anna')
    await bench.fill(source, 2)
    const [one, other] = await bench.reads(2)
    await bench.write(failed(one!, 'internal'), failed(other!, 'unreachable'))
    expect((await bench.status(source)).state).toBe('resting')
    await bench.registry.setPaused(source, true)
    await bench.operations.restart(source)
    expect((await bench.status(source)).state).toBe('paused')
    expect(await bench.claims()).toEqual([])
    await bench.registry.setPaused(source, false)
    const claims = await bench.claims()
    expect(claims.map(({ kind }) => kind).toSorted()).toEqual(['list', 'read', 'read'])
    expect((await bench.status(source)).counts).toMatchObject({ failed: 0 })
  })

  it('O3 a restarted source lists in full, trusting nothing it remembered', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('f0')], { cursor: 'c1' })
    await bench.ask(source)
    expect((await bench.list()).step).toBe('c1')
    await bench.operations.restart(source)
    expect((await bench.list()).step).toBeNull()
  })

  it('O4 restart-stuck restarts what the stall detector names, and retries what is parked', async () => {
    const bench = await benchOf(strict)
    const [stuck, parked, well] = [
      await bench.addSource('anna'),
      await bench.addSource('bob'),
      await bench.addSource('charlie'),
    ]
    for (const source of [stuck, parked, well]) await bench.fill(source, 1)
    const reads = await bench.reads(4)
    const readOf = (source: number) => asRead(reads.find(({ sourceId }) => sourceId === source)!)
    await bench.write(failed(readOf(parked), 'internal'), applied(readOf(well)))
    bench.pass(11 * minute)
    // Nobody took a turn meanwhile.
    expect(await restartStuck(bench.store, bench.operations)).toEqual({
      sources: [stuck],
      tasks: 1,
    })
    expect(await bench.store.stalls()).toEqual([])
    await bench.readAll()
    expect(await bench.keys(stuck)).toHaveLength(1)
    expect(await bench.keys(parked)).toHaveLength(1)
  })
}

function pausing(benchOf: BenchOf): void {
  it('O5 a paused process claims nothing and writes what it has, until it is resumed', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    const [read] = await bench.reads(1)
    const [process] = await bench.operations.processes(9)
    expect(process).toMatchObject({ state: 'works', isPaused: false, slots: 8, busy: 1 })
    expect(await bench.operations.pauseProcess(process!.name, true)).toBe(1)
    expect(await bench.operations.pauseProcess('another', true)).toBe(0)
    expect(await bench.claims()).toEqual([])
    const { acks } = await bench.write(applied(read!))
    expect(acks).toEqual([{ isHeld: true }])
    expect((await bench.operations.processes(9))[0]).toMatchObject({
      state: 'paused',
      isPaused: true,
      busy: 0,
    })
    expect((await bench.operations.work(null, 9)).processes).toEqual(
      await bench.operations.processes(9),
    )
    expect(await bench.operations.pauseProcess(null, false)).toBe(1)
    expect(await bench.reads(4)).toHaveLength(3)
  })

  it('O5 what waits for a paused process is no stall', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    await bench.operations.pauseProcess(null, true)
    bench.pass(11 * minute)
    // It is still there, and says so.
    expect(await bench.claims()).toEqual([])
    expect(await bench.store.stalls()).toEqual([])
    await bench.operations.pauseProcess(null, false)
    expect(await bench.store.stalls()).toMatchObject([{ sourceId: source }])
  })

  it('O5 a pause ends with its process', async () => {
    const bench = await benchOf()
    await bench.fill(await bench.addSource('anna'), 4)
    await bench.operations.pauseProcess(null, true)
    await bench.restart()
    expect(await bench.reads(4)).toHaveLength(4)
  })
}

function showing(benchOf: BenchOf): void {
  it('O6 slots tell what they do and since when, owners see their own', async () => {
    const bench = await benchOf()
    const anna = await bench.addSource('anna')
    await bench.fill(anna, 2)
    await bench.addSource('bob')
    const sinceMs = bench.clock.now()
    await bench.claims()
    bench.pass(minute)
    const bob = await bench.registry.owner('bob')
    const all = await bench.operations.work(null, 10)
    expect(all.pools).toEqual([
      { pool: 'list', slots: 4, busy: 1 },
      { pool: 'read', slots: 4, busy: 2 },
    ])
    expect(all.slots.map(({ process: _process, ...slot }) => slot)).toEqual([
      slotOf('list', 1, { owner: 'bob', kind: 'list', what: '', sinceMs }),
      slotOf('read', 1, { owner: 'anna', kind: 'read', what: 'f0', sinceMs }),
      slotOf('read', 2, { owner: 'anna', kind: 'read', what: 'f1', sinceMs }),
    ])
    const own = await bench.operations.work(bob!.id, 10)
    expect(own.slots).toEqual(all.slots.slice(0, 1))
    expect(own.lanes).toEqual(all.lanes.filter(({ owner }) => owner === 'bob'))
    expect((await bench.operations.work(null, 2)).slots).toEqual(all.slots.slice(0, 2))
  })

  it('O6 a slot whose task was taken away says so until its lease passes', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    await bench.reads(1)
    await bench.operations.restart(source)
    expect((await bench.operations.work(null, 10)).slots).toMatchObject([
      { owner: 'anna', kind: null, what: '' },
    ])
    bench.pass(bench.policy.leaseMs)
    await bench.write()
    expect((await bench.operations.work(null, 10)).slots).toEqual([])
  })

  it('O6 lanes tell their share, what waits, and how far they lag, the last one first', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 5 } })
    for (const [owner, plan] of [
      ['anna', 'free'],
      ['paul', 'premium'],
    ] as const) {
      await bench.fill(await bench.addSource(owner, plan), 8)
    }
    await bench.reads(5)
    const { lanes } = await bench.operations.work(null, 10)
    // The last one served was Anna, whose second task began at 1: she stands at 2 now, and Paul, with three thirds, at 1.
    expect(lanes).toEqual([
      laneOf({ owner: 'paul', weight: 3, waiting: 5, running: 3, share: 3 / 5, lag: 0 }),
      laneOf({ owner: 'anna', weight: 1, waiting: 6, running: 2, share: 2 / 5, lag: -1 }),
    ])
    expect((await bench.operations.work(null, 1)).lanes).toEqual(lanes.slice(0, 1))
  })

  it('O6 another plan is to be seen at once, and its share from the next claim on', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 4 }, windowStart: 32 })
    for (const owner of ['anna', 'bob']) await bench.fill(await bench.addSource(owner), 16)
    const first = await bench.reads(4)
    expect(shares(await bench.operations.work(null, 10))).toEqual({ anna: 0.5, bob: 0.5 })
    const bob = await bench.registry.owner('bob')
    await bench.registry.setPlan(bob!.id, 'premium')
    await bench.write(...first.map((read) => applied(read)))
    await bench.reads(4)
    expect(shares(await bench.operations.work(null, 10))).toEqual({ anna: 0.25, bob: 0.75 })
  })

  it('O6 sources with an open breaker tell why, since when and until when', async () => {
    const bench = await benchOf({ maxFailures: 1 })
    const [nas, locked] = [await bench.addSource('anna'), await bench.addSource('bob')]
    await bench.fill(nas, 1, true)
    const wellMs = bench.clock.now()
    bench.pass(minute)
    await bench.ask(nas)
    for (const claim of await bench.claims()) {
      await bench.write(failed(claim, claim.sourceId === nas ? 'unreachable' : 'auth'))
    }
    const { unwell } = await bench.operations.work(null, 10)
    expect(unwell).toEqual([
      {
        id: nas,
        owner: 'anna',
        source: 'source0',
        state: 'resting',
        wellMs,
        untilMs: bench.clock.now() + 15_000,
        code: 'unreachable',
        message: 'It failed with unreachable.',
      },
      expect.objectContaining({ id: locked, state: 'stopped', untilMs: null, code: 'auth' }),
    ])
    expect(await bench.operations.figures()).toMatchObject({ resting: 1, stopped: 1, parked: 0 })
    bench.pass(20_000)
    await bench.turn()
    await bench.write(checked(nas))
    expect((await bench.operations.work(null, 10)).unwell).toHaveLength(1)
  })

  it('O6 failed tasks are told a page at a time', async () => {
    const bench = await benchOf(strict)
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    for (const read of await bench.reads(4)) await bench.write(failed(read, 'internal'))
    const page = (after: number) =>
      bench.operations.failed({ ownerId: null, sourceId: source, isAll: false, limit: 3, after })
    const first = await page(0)
    expect(first.map(({ what }) => what)).toEqual(['f0', 'f1', 'f2'])
    expect((await page(first.at(-1)!.id)).map(({ what }) => what)).toEqual(['f3'])
    expect(await bench.operations.figures()).toMatchObject({ parked: 4 })
    expect((await bench.operations.work(null, 2)).parked).toEqual(first.slice(0, 2))
  })

  it('O6 a place is settled in a slot like everything else', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 3, true)
    await bench.ask(source)
    await bench.round(source, [file('f0'), file('f1')])
    const claim = await bench.settle()
    expect((await bench.operations.work(null, 9)).slots).toMatchObject([
      { kind: 'settle', what: '' },
    ])
    await bench.write(settled(claim))
    expect((await bench.operations.work(null, 9)).slots).toEqual([])
  })
}

function slotOf(pool: Pool, slot: number, rest: Partial<SlotStatus>): object {
  const untilMs = (rest.sinceMs ?? 0) + 120_000
  return { pool, slot, source: 'source0', untilMs, ...rest }
}

function laneOf(rest: object): object {
  return { pool: 'read', class: 1, ...rest }
}

function shares({ lanes }: Awaited<ReturnType<Bench['operations']['work']>>): object {
  return Object.fromEntries(
    lanes.filter(({ pool }) => pool === 'read').map(({ owner, share }) => [owner, share]),
  )
}
