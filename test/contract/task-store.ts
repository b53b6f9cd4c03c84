import { afterEach, describe, expect, it } from 'vitest'
import { health } from '../../src/engine/breaker.ts'
import type { Policy } from '../../src/engine/policy.ts'
import type { Claim, ReadClaim } from '../../src/engine/task.ts'
import {
  applied,
  asList,
  asRead,
  Bench,
  changed,
  checked,
  failed,
  failure,
  file,
  found,
  listed,
  released,
  settled,
  type MakeSubject,
  withPeers,
} from './bench.ts'
import { operating } from './operations.ts'
import { removing } from './removing.ts'

/** Every promise of docs/spec/engine.md that a task store keeps by itself. */
export function taskStoreContract(name: string, make: MakeSubject): void {
  const open: Bench[] = []
  const benchOf = async (policy: Partial<Policy> = {}): Promise<Bench> => {
    const bench = await Bench.open(make, policy)
    open.push(bench)
    return bench
  }
  afterEach(async () => {
    for (const bench of open.splice(0)) await bench.close()
  })

  describe(`${name}: taking turns`, () => takingTurns(benchOf))
  describe(`${name}: leases and fences`, () => leases(benchOf))
  describe(`${name}: owed work`, () => owedWork(benchOf))
  describe(`${name}: rounds`, () => rounds(benchOf))
  describe(`${name}: what went away`, () => whatWentAway(benchOf))
  describe(`${name}: failing`, () => failing(benchOf))
  describe(`${name}: sources that are removed`, () => removing(benchOf))
  describe(`${name}: what an operator sees and does`, () => operating(benchOf))
}

type BenchOf = (policy?: Partial<Policy>) => Promise<Bench>

const minute = 60_000

/** Sources of owners named by letters, each with so many files owed. */
async function backlogs(bench: Bench, owners: string, files = 8): Promise<Map<number, string>> {
  const names = new Map<number, string>()
  for (const name of owners) {
    const source = await bench.addSource(name, name === 'P' ? 'premium' : 'free')
    await bench.fill(source, files)
    names.set(source, name)
  }
  return names
}

/** Serves one task after the other: whose they are. */
async function served(bench: Bench, names: Map<number, string>, count: number): Promise<string> {
  let order = ''
  for (let n = 0; n < count; n++) {
    const [claim] = await bench.reads(1)
    if (claim === undefined) return order
    order += names.get(claim.sourceId) ?? '?'
    await bench.write(applied(claim))
  }
  return order
}

function takingTurns(benchOf: BenchOf): void {
  it('T1 a pool never has more tasks than slots, whatever is offered', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 3 } })
    await bench.fill(await bench.addSource('anna'), 8)
    expect(await bench.reads(100)).toHaveLength(3)
    expect(await bench.reads(100)).toHaveLength(0)
  })

  it('T1 fewer slots after a restart are fewer tasks at once', async () => {
    const bench = await benchOf()
    await bench.fill(await bench.addSource('anna'), 8)
    await bench.restart()
    const claims = await bench.claims({ list: 9, read: 9 })
    expect(claims.map(({ slot }) => slot)).toEqual([1, 2, 3, 4])
  })

  it('T2 every free slot that is offered is filled while anything can run', async () => {
    const bench = await benchOf()
    const names = await backlogs(bench, 'AB', 2)
    expect(await bench.reads(4)).toHaveLength(4)
    expect(names.size).toBe(2)
  })

  it('T2 an owner whose tasks were taken away does not take the place of one who has some', async () => {
    const bench = await benchOf()
    const anna = await bench.addSource('anna')
    const items = await bench.fill(anna, 8, true)
    const bob = await bench.addSource('bob')
    await bench.fill(bob, 8, true)
    // Anna's changed files are owed, and gone before anybody reads them; then Bob's change.
    await bench.ask(anna)
    await bench.round(
      anna,
      items.slice(0, 4).map(({ key }) => file(key, 'v2')),
    )
    await bench.write(settled(await bench.settle()))
    await bench.ask(anna)
    await bench.round(anna, [file('f7', 'v2')])
    await bench.write(settled(await bench.settle()))
    await bench.ask(bob)
    await bench.round(bob, [file('f0', 'v2'), ...items.slice(1)])
    const sources = [await bench.reads(1), await bench.reads(1)].flat().map((each) => each.sourceId)
    expect(new Set(sources)).toEqual(new Set([anna, bob]))
    expect(await bench.reads(1)).toEqual([])
  })

  it('T3 lanes are served in the literal weighted round robin', async () => {
    const bench = await benchOf()
    const names = await backlogs(bench, 'ABP', 20)
    expect(await served(bench, names, 10)).toBe('ABPPPABPPP')
  })

  it('T3 filling several slots at once gives the same order', async () => {
    const bench = await benchOf({ slots: { list: 4, read: 10 }, windowStart: 10 })
    const names = await backlogs(bench, 'ABP', 20)
    const claims = await bench.reads(10)
    expect(claims.map(({ sourceId }) => names.get(sourceId)).join('')).toBe('ABPPPABPPP')
  })

  it('T3 another plan holds from the next claim on, for a backlog, too', async () => {
    const bench = await benchOf()
    const names = await backlogs(bench, 'AB', 20)
    expect(await served(bench, names, 4)).toBe('ABAB')
    const bob = await bench.registry.owner('B')
    await bench.registry.setPlan(bob?.id ?? 0, 'premium')
    const order = await served(bench, names, 12)
    expect(order.replaceAll('A', '')).toHaveLength(9)
  })

  it('T4 between two that always have something, nobody is ahead by more than a task each', async () => {
    const bench = await benchOf()
    const names = await backlogs(bench, 'ABP', 60)
    const order = await served(bench, names, 60)
    const counts = { A: 0, B: 0, P: 0 }
    for (const who of order as Iterable<'A' | 'B' | 'P'>) {
      counts[who]++
      expect(Math.abs(counts.A - counts.B)).toBeLessThanOrEqual(2)
      expect(Math.abs(counts.A - counts.P / 3)).toBeLessThanOrEqual(2)
    }
  })

  it('T5 a newcomer waits one turn at most', async () => {
    const bench = await benchOf()
    const names = await backlogs(bench, 'AB', 40)
    await served(bench, names, 30)
    const charlie = await bench.addSource('C')
    names.set(charlie, 'C')
    await bench.fill(charlie, 8)
    expect(await served(bench, names, 3)).toContain('C')
  })

  it('T5 who slept earns nothing by it', async () => {
    const bench = await benchOf()
    const anna = await bench.addSource('A')
    const items = await bench.fill(anna, 2, true)
    const names = await backlogs(bench, 'B', 40)
    names.set(anna, 'A')
    await served(bench, names, 20)
    await bench.ask(anna)
    const news = Array.from({ length: 8 }, (_, n) => file(`new${n}`))
    await bench.round(anna, [...items, ...news])
    expect((await served(bench, names, 8)).replaceAll('B', '').length).toBeLessThanOrEqual(5)
  })

  it('T6 the sources of one owner take turns, and have one share together', async () => {
    const bench = await benchOf()
    const first = await bench.addSource('anna')
    await bench.fill(first, 8)
    const anna = (await bench.registry.source(first))?.ownerId ?? 0
    const second = await bench.addSource(anna)
    await bench.fill(second, 8)
    const bob = await bench.addSource('bob')
    await bench.fill(bob, 8)
    const names = new Map([
      [first, '1'],
      [second, '2'],
      [bob, 'b'],
    ])
    const order = await served(bench, names, 8)
    expect(order.replaceAll('b', '')).toHaveLength(4)
    expect(order.replaceAll('b', '')).toMatch(/^(12){2}$|^(21){2}$/)
  })

  it('T6 a source never has more in flight than its window, which grows with success and narrows', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 30 } })
    await bench.fill(await bench.addSource('anna'), 60)
    const first = await bench.reads(30)
    expect(first).toHaveLength(4)
    await bench.write(...first.map((claim) => applied(claim)))
    const second = await bench.reads(30)
    expect(second).toHaveLength(8)
    await bench.write(failed(second[0]!, 'timeout'))
    expect(await bench.reads(30)).toHaveLength(0)
    await bench.write(...second.slice(1, 5).map((claim) => applied(claim, 5_000)))
    expect(await bench.reads(30)).toHaveLength(1)
  })

  it('T6 a task whose file went away gives its place in the window back', async () => {
    const bench = await benchOf({ windowStart: 1 })
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    const [claim] = await bench.reads(4)
    await bench.ask(source)
    await bench.round(source, [file('f1'), file('f2'), file('f3')])
    await bench.write(settled(await bench.settle()))
    expect(await bench.reads(4)).toHaveLength(0)
    expect((await bench.write(applied(claim!))).acks).toEqual([{ isHeld: false }])
    expect(await bench.reads(4)).toHaveLength(1)
  })

  it('T7 who waits for it is listed first, yet every 8th slot is offered to syncs first', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 1 } })
    const syncs = await bench.addSource('syncs')
    const steps = Array.from({ length: 5 }, (_, n) => ({ step: `step${n}` }))
    await bench.write(listed(await bench.list(), [], { next: steps }))
    for (let n = 0; n < 16; n++) await bench.ask(await bench.addSource(`waiting${n}`))
    let order = ''
    // The first slot was filled by the listing above.
    for (let n = 2; n <= 16; n++) {
      const [claim] = await bench.claims()
      order += claim?.sourceId === syncs ? 's' : 'w'
      await bench.write(listed(claim!, []))
    }
    expect(order).toBe('wwwwwswwwwwwwsw')
  })

  it('T8 charged by time, long tasks buy no larger share', async () => {
    const bench = await benchOf({ charge: 'time' })
    const names = await backlogs(bench, 'AB', 200)
    const time: Record<string, number> = { A: 0, B: 0 }
    for (let n = 0; n < 150; n++) {
      const [claim] = await bench.reads(1)
      const who = names.get(claim!.sourceId) ?? '?'
      const used = who === 'A' ? 1_000 : 100
      time[who] = (time[who] ?? 0) + used
      bench.pass(used)
      await bench.write(applied(claim!, used))
    }
    expect(Math.abs((time['A'] ?? 0) - (time['B'] ?? 0))).toBeLessThanOrEqual(2_000)
  })

  it('T8 who hangs pays while he hangs, and for all of it when the lease passes', async () => {
    const bench = await benchOf({ charge: 'time', slots: { list: 2, read: 2 }, maxCrashes: 100 })
    const names = await backlogs(bench, 'AB', 8)
    const hanging = await bench.reads(1)
    expect(names.get(hanging[0]!.sourceId)).toBe('A')
    bench.pass(60_000)
    // One of two slots hangs: whatever ends in the other one is Bob's.
    for (let n = 0; n < 5; n++) {
      const [claim] = await bench.reads(1)
      expect(names.get(claim!.sourceId)).toBe('B')
      await bench.write(applied(claim!))
    }
    bench.pass(60_000)
    const next = await bench.reads(2)
    expect(next.map(({ sourceId }) => names.get(sourceId))).toEqual(['B', 'B'])
  })

  it('T8 leases that pass while every slot hangs are paid for, too', async () => {
    const bench = await benchOf({ charge: 'time', slots: { list: 2, read: 2 }, maxCrashes: 100 })
    const names = await backlogs(bench, 'A', 8)
    await bench.reads(2)
    for (const [source, name] of await backlogs(bench, 'B', 8)) names.set(source, name)
    bench.pass(120_000)
    for (let n = 0; n < 8; n++) {
      const [claim] = await bench.reads(1)
      expect(names.get(claim!.sourceId)).toBe('B')
      await bench.write(applied(claim!))
    }
  })

  it('T9 what is paused, resumed or removed is seen at the next turn', async () => {
    const bench = await benchOf()
    const [source = 0] = (await backlogs(bench, 'A')).keys()
    await bench.registry.setPaused(source, true)
    expect(await bench.reads(4)).toHaveLength(0)
    await bench.registry.setPaused(source, false)
    const claims = await bench.reads(2)
    expect(claims).toHaveLength(2)
    await bench.registry.removeSource(source)
    expect(await bench.reads(4)).toHaveLength(0)
    expect((await bench.write(...claims.map((each) => applied(each)))).acks).toEqual([
      { isHeld: false },
      { isHeld: false },
    ])
    const names = await backlogs(bench, 'B')
    expect(await served(bench, names, 6)).toBe('BBBBBB')
  })

  it('T9 what a removed source still has in slots is no burden to one that comes', async () => {
    const bench = await benchOf({ slots: { list: 4, read: 8 } })
    const [source = 0] = (await backlogs(bench, 'A')).keys()
    expect(await bench.reads(4)).toHaveLength(4)
    await bench.registry.removeSource(source)
    await backlogs(bench, 'B')
    expect(await bench.reads(4)).toHaveLength(4)
  })
}

function leases(benchOf: BenchOf): void {
  it('L1 a fence is never given twice, not after a restart either', async () => {
    const bench = await benchOf()
    await bench.fill(await bench.addSource('anna'), 8)
    const fences: number[] = []
    for (let n = 0; n < 6; n++) {
      fences.push(...(await bench.reads(2)).map(({ fence }) => fence))
      await bench.restart()
    }
    expect(new Set(fences).size).toBe(12)
  })

  it('L2 a result whose lease has passed changes nothing', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    const [claim] = await bench.reads(1)
    bench.clock.nowMs = claim!.untilMs
    expect((await bench.write(applied(claim!))).acks).toEqual([{ isHeld: false }])
    expect(await bench.keys(source)).toEqual([])
    const [again] = await bench.reads(1)
    expect(
      (await bench.write(applied(claim!), applied(again!))).acks.map((each) => each.isHeld),
    ).toEqual([false, true])
    expect(await bench.keys(source)).toEqual(['f0'])
  })

  it('L2 the same result twice counts once', async () => {
    const bench = await benchOf()
    await bench.fill(await bench.addSource('anna'), 4)
    const [claim] = await bench.reads(1)
    const { acks } = await bench.write(applied(claim!), applied(claim!))
    expect(acks.map(({ isHeld }) => isHeld)).toEqual([true, false])
  })

  it('L3 a slot whose lease has passed is free at the next turn, and its task ready again', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 1 } })
    await bench.fill(await bench.addSource('anna'), 1)
    const [claim] = await bench.reads(1)
    bench.pass(119_999)
    expect(await bench.reads(1)).toEqual([])
    bench.pass(1)
    const [again] = await bench.reads(1)
    expect(asRead(again!).item).toEqual(claim!.item)
  })

  it('L3 a slot is free after twice its time at most when the clock was set back', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 1 } })
    await bench.fill(await bench.addSource('anna'), 1)
    await bench.reads(1)
    bench.pass(-86_400_000)
    expect(await bench.reads(1)).toEqual([])
    bench.pass(120_000)
    expect(await bench.reads(1)).toHaveLength(1)
  })

  it('L3 rests and delays are no longer than they may be when the clock was set back', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1, true)
    const { nextMs } = await bench.turn()
    bench.pass(-30 * 86_400_000)
    expect(nextMs).toBeGreaterThan(bench.clock.nowMs + 900_000)
    expect((await bench.turn()).nextMs).toBe(bench.clock.nowMs + 900_000)
  })

  it('L4 a task that let its lease pass three times is parked, with the reason', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    for (let n = 0; n < 3; n++) {
      expect(await bench.reads(1)).toHaveLength(1)
      bench.pass(120_000)
    }
    expect(await bench.reads(1)).toEqual([])
    const [trouble] = await bench.registry.troubles(source, 9)
    expect(trouble).toMatchObject({ state: 'failed', code: 'lease-lost', path: 'f0' })
  })

  it('L6 what a listing finds begins its lease anew, within a bound', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 1 }, longestListMs: 300_000 })
    await bench.addSource('anna')
    const claim = await bench.list()
    const starts = claim.untilMs - 120_000
    bench.pass(119_999)
    const { acks } = await bench.write(found(claim, [file('a')]))
    expect(acks).toMatchObject([{ isHeld: true, untilMs: starts + 239_999 }])
    bench.pass(119_999)
    const last = await bench.write(found(claim, [file('b')]))
    expect(last.acks).toMatchObject([{ isHeld: true, untilMs: starts + 300_000 }])
    bench.pass(60_002)
    expect((await bench.write(found(claim, [file('c')]))).acks).toEqual([{ isHeld: false }])
    expect((await bench.list()).step).toBe(claim.step)
  })

  it('W7 what a listing brings is written with its batch and its cursor', async () => {
    const bench = await benchOf(withPeers)
    const peer = await bench.addPeer('far')
    const claim = await bench.peer()
    const first = found(claim, [], { isTree: false, effect: { line: 1, text: 'one' } })
    expect((await bench.write(first)).acks).toMatchObject([{ isHeld: true }])
    expect(await bench.shown.of(peer)).toEqual({ 'line 1': 'one' })
    const rest = { effect: { line: 2, text: 'two' }, cursor: 'c1' }
    await bench.write(listed(claim, [], rest))
    expect(await bench.shown.of(peer)).toEqual({ 'line 1': 'one', 'line 2': 'two' })
    await bench.ask(peer)
    expect((await bench.peer()).step).toBe('c1')
  })

  it('W7 it is not written when it comes too late, nor is the cursor', async () => {
    const bench = await benchOf(withPeers)
    const peer = await bench.addPeer('far')
    const claim = await bench.peer()
    bench.pass(120_000)
    const late = listed(claim, [], { effect: { line: 1, text: 'one' }, cursor: 'c1' })
    expect((await bench.write(late)).acks).toEqual([{ isHeld: false }])
    expect(await bench.shown.of(peer)).toEqual({})
    expect((await bench.peer()).step).toBe(null)
  })

  it('W7 what cannot be written fails its own task, and its cursor stays', async () => {
    const bench = await benchOf(withPeers)
    const [near, far] = [await bench.addPeer('near'), await bench.addPeer('far')]
    const claims = (await bench.claims({ peer: 2 })).map(asList)
    bench.shown.breaksOn = 'near'
    const { acks } = await bench.write(
      ...claims.map((claim) => {
        const text = claim.sourceId === near ? 'near' : 'far'
        return listed(claim, [], { effect: { line: claim.sourceId, text }, cursor: 'c1' })
      }),
    )
    expect(acks.filter(({ failure }) => failure?.code === 'internal')).toHaveLength(1)
    expect(await bench.shown.of(near)).toEqual({})
    expect(Object.values(await bench.shown.of(far))).toEqual(['far'])
    expect((await bench.status(near)).state).toBe('listing')
  })

  it('T10 a peer is listed in slots of its own, and is no user', async () => {
    const bench = await benchOf(withPeers)
    await bench.addSource('anna')
    const peer = await bench.addPeer('far')
    expect(await bench.claims({ list: 4 })).toHaveLength(1)
    const [claim] = await bench.claims({ peer: 4 })
    expect(claim).toMatchObject({ sourceId: peer, pool: 'peer' })
    expect((await bench.registry.owners(9)).map(({ name }) => name)).toEqual(['anna'])
    expect(await bench.registry.owner('far')).toBe(null)
    expect((await bench.registry.peers()).map(({ id }) => id)).toEqual([peer])
    const changed = {
      name: 'far',
      kind: 'memory',
      address: 'memory:2',
      settings: {},
      intervalMs: 7_000,
    }
    expect((await bench.registry.putPeer(changed)).id).toBe(peer)
    expect(await bench.registry.source(peer)).toMatchObject(changed)
  })

  it('T10 a hint brings the next round of a peer at once, or right behind the open one', async () => {
    const bench = await benchOf(withPeers)
    const peer = await bench.addPeer('far')
    const first = await bench.peer()
    await bench.write(listed(first, [], { cursor: 'c1' }))
    expect(await bench.claims({ peer: 1 })).toEqual([])
    await bench.registry.hasten(peer)
    const second = await bench.peer()
    expect(second.step).toBe('c1')
    await bench.registry.hasten(peer)
    expect(await bench.claims({ peer: 1 })).toEqual([])
    await bench.write(listed(second, [], { cursor: 'c2' }))
    expect((await bench.peer()).step).toBe('c2')
  })

  it('L6 a quarter of the slots for listing may be held longer than a lease, and no more', async () => {
    const bench = await benchOf({ slots: { list: 8, read: 1 } })
    for (const name of ['anna', 'bob', 'carol']) await bench.addSource(name)
    const claims = (await bench.claims({ list: 8 })).map(asList)
    expect(claims).toHaveLength(3)
    bench.pass(60_000)
    const { acks } = await bench.write(...claims.map((claim) => found(claim, [file('a')])))
    const [first, second, third] = acks.map(({ untilMs = 0 }) => untilMs - claims[0]!.untilMs)
    expect([first, second, third]).toEqual([60_000, 60_000, 0])
  })

  it('L6 a listing that goes on is no stall', async () => {
    const bench = await benchOf()
    await bench.addSource('anna')
    const claim = await bench.list()
    for (let n = 0; n < 12; n++) {
      bench.pass(60_000)
      await bench.write(found(claim, [file(`f${n}`)]))
    }
    expect(await bench.store.stalls()).toEqual([])
  })

  it('L5 what a stopped process held is void when the next one starts', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    const before = await bench.reads(4)
    await bench.restart()
    expect(
      (await bench.write(...before.map((each) => applied(each)))).acks.some((each) => each.isHeld),
    ).toBe(false)
    const after = await bench.reads(4)
    expect(after.map(({ item }) => item.key)).toEqual(before.map(({ item }) => item.key))
    expect((await bench.status(source)).counts.running).toBe(4)
  })
}

function owedWork(benchOf: BenchOf): void {
  it('W1 an effect and its item are written together', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 2, true)
    expect(await bench.shown.of(source)).toEqual({ f0: 'f0 v1', f1: 'f1 v1' })
    expect((await bench.status(source)).counts).toMatchObject({ waiting: 0, done: 2 })
  })

  it('W1 an effect that cannot be written leaves its item owed and nothing to be seen', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    bench.shown.breaksOn = 'f0 v1'
    await bench.write(applied((await bench.reads(1))[0]!))
    expect(await bench.keys(source)).toEqual([])
    expect((await bench.status(source)).counts).toMatchObject({ waiting: 1, done: 0 })
    bench.shown.breaksOn = null
    bench.pass(minute)
    await bench.readAll()
    expect(await bench.keys(source)).toEqual(['f0'])
  })

  it('W2 what was read of an older version does not count: the item is owed still', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    const [claim] = await bench.reads(1)
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v2')])
    await bench.write(applied(claim!))
    expect(await bench.keys(source)).toEqual([])
    const [again] = await bench.reads(4)
    expect(again!.item.version).toBe('v2')
    await bench.write(applied(again!))
    expect(await bench.shown.of(source)).toEqual({ f0: 'f0 v2' })
  })

  it('W2 what was no good in an older version is not skipped in the new one', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    const [claim] = await bench.reads(1)
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v2')])
    await bench.write(failed(claim!, 'unparsable'))
    expect(await bench.registry.troubles(source, 9)).toEqual([])
    await bench.readAll()
    expect(await bench.shown.of(source)).toEqual({ f0: 'f0 v2' })
  })

  it('W2 a file found in another version while it is read is owed in that one', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    const [claim] = await bench.reads(1)
    await bench.write(changed(claim!, file('f0', 'v2', { size: 20 })))
    expect(await bench.reads(1)).toEqual([])
    bench.pass(minute)
    const [again] = await bench.reads(1)
    expect(again!.item).toMatchObject({ version: 'v2', size: 20 })
  })

  it('W3 another version or path is owed again, the same is not', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 3, true)
    await bench.ask(source)
    await bench.round(source, [file('f0'), file('f1', 'v2'), file('f2', 'v1', { path: ['F2'] })])
    const claims = await bench.reads(4)
    expect(claims.map(({ item }) => item.key)).toEqual(['f1', 'f2'])
    // Only the name of f2 is another: its content is known.
    expect(claims.map(({ known }) => known?.key ?? null)).toEqual([null, 'f2'])
  })

  it('W3 a file that moved is known by its id', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('a', 'v1', { id: 'same' })])
    await bench.readAll()
    await bench.ask(source)
    await bench.round(source, [
      file('a', 'v1', { id: 'same' }),
      file('b', 'v1', { id: 'same' }),
      file('c', 'v2', { id: 'same' }),
    ])
    const claims = await bench.reads(4)
    expect(claims.map(({ known }) => known?.key ?? null)).toEqual(['a', null])
  })

  it('W3 what was skipped is not known when only its name changes', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    await bench.write(failed((await bench.reads(1))[0]!, 'unparsable'))
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v1', { path: ['F0'] })])
    expect((await bench.reads(1))[0]?.known).toBeNull()
  })

  it('W4 what is owed waits as items: only what is in a slot, or has failed, is a task', async () => {
    const bench = await benchOf({ slots: { list: 4, read: 8 }, windowStart: 32 })
    const source = await bench.addSource('anna')
    await bench.fill(source, 100)
    const claims = await bench.reads(8)
    await bench.write(failed(claims[0]!, 'internal'), released(claims[1]!))
    expect((await bench.status(source)).counts).toMatchObject({ waiting: 94, running: 6 })
    expect(await bench.subject.tasks()).toBe(1)
  })

  it('W5 every owed item has its turn', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 100, true)
    expect(await bench.keys(source)).toHaveLength(100)
    expect(await bench.registry.isBusy(source)).toBe(false)
  })

  it('W5 also when the files before it went away', async () => {
    const bench = await benchOf({ withholdAbove: 50 })
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 20)
    await bench.ask(source)
    await bench.round(source, items.slice(4))
    await bench.write(settled(await bench.settle()))
    await bench.readAll()
    expect(await bench.keys(source)).toHaveLength(16)
  })

  it('W5 a drained task is given back unblamed', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    for (let n = 0; n < 10; n++) await bench.write(released((await bench.reads(1))[0]!))
    await bench.readAll()
    expect(await bench.keys(source)).toEqual(['f0'])
  })
}

function rounds(benchOf: BenchOf): void {
  it('R1 a source has one round at a time, however often it is asked for', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const claim = await bench.list()
    await bench.ask(source)
    await bench.ask(source, true)
    expect(await bench.claims()).toEqual([])
    await bench.write(listed(claim, []))
    const next = await bench.list()
    expect(next.roundId).not.toBe(claim.roundId)
    await bench.write(listed(next, []))
    expect(await bench.claims()).toEqual([])
  })

  it('R2 a step is stored with what follows from it', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const claim = await bench.list()
    await bench.write(found(claim, [file('a/1')]))
    const parts = { next: [{ step: 'b' }, { step: 'c' }], seen: [] }
    await bench.write(listed(claim, [file('a/2')], parts))
    const steps = await bench.claims({ list: 4 })
    expect(steps.map((each) => (each.kind === 'list' ? each.step : each.kind))).toEqual(['b', 'c'])
    expect((await bench.status(source)).counts.waiting).toBe(2)
  })

  it('R2 a step that fails in the middle is listed again, and keeps what it found', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const claim = await bench.list()
    await bench.write(found(claim, [file('a')]))
    await bench.write(failed(claim, 'interrupted'))
    const again = await bench.list()
    expect(again.step).toBeNull()
    await bench.write(listed(again, [file('a'), file('b')]))
    expect((await bench.status(source)).counts.waiting).toBe(2)
  })

  it('R2 a batch of a listing that lost its lease is refused', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const claim = await bench.list()
    bench.pass(120_000)
    expect((await bench.write(found(claim, [file('a')]))).acks).toEqual([{ isHeld: false }])
    expect((await bench.status(source)).counts.waiting).toBe(0)
  })

  it('R3 a round ends with its last step, whatever the order', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.write(listed(await bench.list(), [], { next: [{ step: 'a' }, { step: 'b' }] }))
    const [a, b] = await bench.claims()
    await bench.write(listed(b!, []))
    expect((await bench.status(source)).state).toBe('listing')
    await bench.write(listed(a!, []))
    expect(await bench.status(source)).toMatchObject({
      state: 'waiting',
      lastRound: { outcome: 'clean' },
    })
  })

  it('R3 a step that was skipped makes the round unclean', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 2, true)
    await bench.ask(source)
    await bench.write(listed(await bench.list(), [], { next: [{ step: 'a' }] }))
    await bench.write(failed(await bench.list(), 'not-found'))
    expect((await bench.status(source)).lastRound?.outcome).toBe('unclean')
    expect(await bench.keys(source)).toHaveLength(2)
  })

  it('R3 a step that was parked makes the round unclean, and the next one lists it again', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    for (let n = 0; n < 6; n++) {
      await bench.write(failed(await bench.list(), 'internal'))
      bench.pass(10 * minute)
    }
    expect((await bench.status(source)).lastRound?.outcome).toBe('unclean')
    await bench.ask(source)
    expect((await bench.list()).step).toBeNull()
  })

  it('R3 asking once more that was parked or skipped ends the round, too', async () => {
    for (const code of ['internal', 'not-found'] as const) {
      const bench = await benchOf()
      const source = await bench.addSource('anna')
      const items = await bench.fill(source, 3, true)
      await bench.ask(source)
      await bench.round(source, items.slice(1))
      for (let n = 0; n < 6 && (await bench.status(source)).state === 'listing'; n++) {
        const [claim] = await bench.claims({ list: 1 })
        await bench.write(failed(claim!, code))
        bench.pass(10 * minute)
      }
      expect((await bench.status(source)).lastRound?.outcome).toBe('unclean')
      expect(await bench.keys(source)).toHaveLength(3)
      await bench.ask(source)
      await bench.round(source, items)
      expect((await bench.status(source)).lastRound?.outcome).toBe('clean')
    }
  })

  it('R6 an expired cursor starts a full round at once, and nothing is removed before that ends', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = [file('a'), file('b'), file('c')]
    await bench.round(source, items, { cursor: 'c1' })
    await bench.readAll()
    await bench.ask(source)
    const follow = await bench.list()
    expect(follow.step).toBe('c1')
    await bench.write(failed(follow, 'cursor-expired'))
    const full = await bench.list()
    expect(full.step).toBeNull()
    await bench.write(
      listed(full, [file('a'), file('b')], { cursor: 'c2', next: [{ step: 'p2' }] }),
    )
    expect(await bench.keys(source)).toHaveLength(3)
    await bench.write(listed(await bench.list(), [], { cursor: 'c3' }))
    const claim = await bench.settle()
    expect(claim.candidates.map(({ item }) => item.key)).toEqual(['c'])
    await bench.write(settled(claim))
    expect(await bench.keys(source)).toEqual(['a', 'b'])
  })

  it('R6 a source that answers nothing but "expired" is not asked without a pause', async () => {
    const bench = await benchOf()
    await bench.addSource('anna')
    await bench.write(failed(await bench.list(), 'cursor-expired'))
    expect(await bench.claims()).toEqual([])
    bench.pass(15_000)
    expect((await bench.list()).step).toBeNull()
  })

  it('R6 a cursor that expired while the source was being stopped is given up when it goes on', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('a'), file('b')], { cursor: 'c1' })
    await bench.ask(source)
    const follow = await bench.list()
    const [read] = await bench.reads(1)
    await bench.write(failed(read!, 'auth'), failed(follow, 'cursor-expired'))
    expect((await bench.status(source)).state).toBe('stopped')
    await bench.ask(source)
    expect((await bench.list()).step).toBeNull()
  })

  it('R7 following, the cursor moves with each stored page', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('a')], { cursor: 'c1' })
    await bench.ask(source)
    await bench.write(
      listed(await bench.list(), [file('b')], { cursor: 'c2', next: [{ step: 'c2' }] }),
    )
    for (let n = 0; n < 6; n++) {
      await bench.write(failed(await bench.list(), 'internal'))
      bench.pass(10 * minute)
    }
    expect((await bench.status(source)).lastRound?.outcome).toBe('unclean')
    await bench.ask(source)
    expect((await bench.list()).step).toBe('c2')
  })

  it('R7 a full listing has no cursor before it ended clean', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.write(
      listed(await bench.list(), [file('a')], { cursor: 'c1', next: [{ step: 'p2' }] }),
    )
    await bench.write(failed(await bench.list(), 'not-found'))
    await bench.ask(source)
    expect((await bench.list()).step).toBeNull()
  })

  it('R7 a full round that a person asks for in the middle of another one is full', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('a')], { cursor: 'c1' })
    await bench.ask(source)
    const claim = await bench.list()
    await bench.ask(source, true)
    await bench.write(listed(claim, [], { cursor: 'c2' }))
    expect((await bench.list()).step).toBeNull()
  })

  it('R8 a place that a clean round listed at the same version is not listed again', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const next = [
      { step: 'a', version: 'p1' },
      { step: 'b', version: 'p1' },
    ]
    const walk = async (versionOfB: string): Promise<string[]> => {
      const steps: string[] = []
      const places = [next[0]!, { step: 'b', version: versionOfB }]
      await bench.write(listed(await bench.list(), [], { next: places }))
      for (const claim of await bench.claims({ list: 4 })) {
        if (claim.kind !== 'list') throw new Error('nothing was to be settled')
        steps.push(claim.step ?? '')
        const below = claim.step === 'a' ? [{ step: 'a/deep', version: 'p1' }] : []
        await bench.write(listed(claim, [file(`${claim.step}/1`)], { next: below }))
      }
      for (const claim of await bench.claims({ list: 4 })) {
        if (claim.kind !== 'list') throw new Error('nothing was to be settled')
        steps.push(claim.step ?? '')
        await bench.write(listed(claim, [file(`${claim.step}/1`)]))
      }
      return steps
    }
    expect(await walk('p1')).toEqual(['a', 'b', 'a/deep'])
    await bench.ask(source)
    expect(await walk('p2')).toEqual(['b'])
    await bench.ask(source)
    expect(await walk('p2')).toEqual([])
    // Nobody trusts versions for ever, and a person may ask for a full round.
    await bench.ask(source, true)
    expect(await walk('p2')).toEqual(['a', 'b', 'a/deep'])
    bench.pass(bench.policy.trustMs)
    expect(await walk('p2')).toEqual(['a', 'b', 'a/deep'])
    await bench.readAll()
    expect(await bench.keys(source)).toEqual(['a/1', 'a/deep/1', 'b/1'])
  })

  it('R8 a place of an unclean round is not trusted', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [], { next: [{ step: 'a', version: 'p1' }] })
    await bench.write(listed(await bench.list(), [file('a/1')]))
    await bench.ask(source)
    await bench.round(source, [], { next: [{ step: 'a', version: 'p2' }, { step: 'b' }] })
    const [a, b] = await bench.claims()
    await bench.write(listed(a!, [file('a/1')]), failed(b!, 'not-found'))
    await bench.ask(source)
    await bench.round(source, [], { next: [{ step: 'a', version: 'p2' }] })
    expect((await bench.list()).step).toBe('a')
  })

  it('R9 the next round comes after the interval, soon after files went away, at once when asked', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 3, true)
    expect((await bench.status(source)).nextMs).toBe(bench.clock.nowMs + 900_000)
    await bench.ask(source)
    await bench.round(source, items.slice(1))
    await bench.write(settled(await bench.settle()))
    expect((await bench.status(source)).nextMs).toBe(bench.clock.nowMs + 60_000)
    bench.pass(60_000)
    await bench.round(source, items.slice(1))
    expect((await bench.status(source)).nextMs).toBe(bench.clock.nowMs + 900_000)
    expect((await bench.turn()).nextMs).toBe(bench.clock.nowMs + 900_000)
  })
}

function whatWentAway(benchOf: BenchOf): void {
  it('R4 only what is not there when asked once more is hidden', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 5, true)
    await bench.ask(source)
    await bench.round(source, items.slice(2))
    const claim = await bench.settle()
    expect(claim.candidates.map(({ item, isSaidGone }) => [item.key, isSaidGone])).toEqual([
      ['f0', false],
      ['f1', false],
    ])
    expect(await bench.keys(source)).toHaveLength(5)
    await bench.write(settled(claim, (key) => key === 'f1'))
    expect(await bench.keys(source)).toEqual(['f1', 'f2', 'f3', 'f4'])
    expect((await bench.status(source)).lastRound?.outcome).toBe('clean')
  })

  it('R4 a place that a clean round did not come to is missing with all it held', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(source, [file('1'), file('2')], { next: [{ step: 'a' }] })
    await bench.write(listed(await bench.list(), [file('a/1')]))
    await bench.readAll()
    await bench.ask(source)
    await bench.round(source, [file('1'), file('2')])
    const claim = await bench.settle()
    expect(claim.candidates.map(({ item }) => item.key)).toEqual(['a/1'])
  })

  it('R4 what a feed that is listed from its beginning once more does not show again is asked for', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const first = await bench.list()
    await bench.write(found(first, [file('a'), file('b'), file('c')], { isTree: false }))
    await bench.write(failed(first, 'interrupted'))
    const second = await bench.list()
    await bench.write(found(second, [file('b')], { isTree: false }))
    await bench.write(listed(second, [file('c')], { cursor: 'c1' }))
    const asked = (await bench.settle()).candidates.map(({ item }) => item.key)
    expect({ asked, state: (await bench.status(source)).state }).toEqual({
      asked: ['a'],
      state: 'listing',
    })
  })

  it('R4 nothing is hidden by an unclean round', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 5, true)
    await bench.ask(source)
    await bench.round(source, items.slice(2), { next: [{ step: 'a' }] })
    await bench.write(failed(await bench.list(), 'too-big'))
    expect(await bench.claims()).toEqual([])
    expect(await bench.keys(source)).toHaveLength(5)
  })

  it('R4 what a feed says is gone is hidden; what it says is there again stays', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.round(
      source,
      ['a', 'b', 'c', 'd'].map((key) => file(key)),
      { cursor: 'c1' },
    )
    await bench.readAll()
    await bench.ask(source)
    const claim = await bench.list()
    const parts = { gone: ['a', 'b', 'unheard of'], cursor: 'c2', next: [{ step: 'c2' }] }
    await bench.write(listed(claim, [], parts))
    await bench.write(listed(await bench.list(), [file('b')], { cursor: 'c3' }))
    const settle = await bench.settle()
    expect(settle.candidates.map(({ item, isSaidGone }) => [item.key, isSaidGone])).toEqual([
      ['a', true],
    ])
    await bench.write(settled(settle))
    expect(await bench.keys(source)).toEqual(['b', 'c', 'd'])
  })

  it('R4 all of many are asked for, fifty at a time', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 300, true)
    await bench.ask(source)
    await bench.round(source, items.slice(120))
    const sizes: number[] = []
    while ((await bench.status(source)).state === 'listing') {
      const claim = await bench.settle()
      sizes.push(claim.candidates.length)
      await bench.write(settled(claim, (key) => key === 'f7'))
    }
    expect(sizes).toEqual([50, 50, 20])
    expect(await bench.keys(source)).toHaveLength(181)
  })

  it('R4 who hears that a file is gone hears since when it may have moved', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 3, true)
    const cleanMs = bench.clock.nowMs
    for (let n = 0; n < 12; n++) {
      bench.pass(minute)
      await bench.ask(source)
      await bench.write(failed(await bench.list(), 'not-found'))
    }
    await bench.ask(source)
    await bench.round(source, items.slice(1))
    await bench.write(settled(await bench.settle()))
    expect(bench.shown.sinceMs).toBe(cleanMs)
  })

  it('R4 a file that comes back is itself again', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 3, true)
    await bench.ask(source)
    await bench.round(source, items.slice(1))
    await bench.write(settled(await bench.settle()))
    await bench.ask(source)
    await bench.round(source, items)
    const [claim] = await bench.reads(4)
    expect(claim!.known?.rowId).toBe(claim!.item.rowId)
    await bench.write(applied(claim!))
    expect((await bench.shown.of(source))['f0']).toBe('f0 v1')
  })

  it('R4 a tombstone is purged when its time has passed, not before', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 3, true)
    await bench.ask(source)
    await bench.round(source, items.slice(1))
    await bench.write(settled(await bench.settle()))
    bench.pass(bench.policy.tombstoneMs - 1)
    expect(await bench.store.purge(10)).toBe(0)
    bench.pass(1)
    expect(await bench.store.purge(10)).toBe(1)
    expect(await bench.store.purge(10)).toBe(0)
  })

  it('R5 nothing is hidden when nothing is left, until a person confirms', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 2, true)
    expect(await bench.registry.confirmDeletions(source)).toBe(0)
    for (let n = 0; n < 3; n++) {
      await bench.ask(source)
      await bench.round(source, [])
      expect(await bench.status(source)).toMatchObject({
        withheld: 2,
        lastRound: { outcome: 'withheld' },
      })
    }
    expect(await bench.keys(source)).toHaveLength(2)
    expect(await bench.registry.confirmDeletions(source)).toBe(2)
    await bench.round(source, [])
    await bench.write(settled(await bench.settle()))
    expect(await bench.keys(source)).toEqual([])
    expect((await bench.status(source)).withheld).toBe(0)
  })

  it('R5 nor when more than half and more than twenty are missing', async () => {
    for (const [files, left, isWithheld] of [
      [41, 20, true],
      [42, 21, false],
      [40, 20, false],
      [3, 1, false],
    ] as const) {
      const bench = await benchOf()
      const source = await bench.addSource('anna')
      const items = await bench.fill(source, files, true)
      await bench.ask(source)
      await bench.round(source, items.slice(files - left))
      expect((await bench.status(source)).withheld > 0).toBe(isWithheld)
    }
  })

  it('R5 files that come back end it, and a confirmation covers no more than was shown', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 50, true)
    await bench.ask(source)
    await bench.round(source, items.slice(30))
    expect((await bench.status(source)).withheld).toBe(30)
    expect(await bench.registry.confirmDeletions(source)).toBe(30)
    await bench.round(source, [])
    expect(await bench.status(source)).toMatchObject({
      withheld: 50,
      lastRound: { outcome: 'withheld' },
    })
    await bench.ask(source)
    await bench.round(source, items)
    expect(await bench.status(source)).toMatchObject({
      withheld: 0,
      lastRound: { outcome: 'clean' },
    })
    expect(await bench.keys(source)).toHaveLength(50)
  })
}

function failing(benchOf: BenchOf): void {
  it('F1 what is to be tried again is, later each time, and parked at the sixth failure', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    const waits: number[] = []
    for (let n = 0; n < 6; n++) {
      const [claim] = await bench.reads(1)
      const { nextMs } = await bench.write(failed(claim!, 'internal'))
      const waitMs = (nextMs ?? 0) - bench.clock.nowMs
      waits.push(waitMs)
      expect(await bench.reads(1)).toEqual([])
      bench.pass(waitMs)
    }
    expect(waits.slice(0, 5)).toEqual([5_000, 10_000, 20_000, 40_000, 80_000])
    expect(await bench.reads(1)).toEqual([])
    expect(await bench.registry.troubles(source, 9)).toEqual([
      {
        sourceId: source,
        path: 'f0',
        state: 'failed',
        code: 'internal',
        message: 'It failed with internal.',
      },
    ])
    expect((await bench.status(source)).counts.failed).toBe(1)
  })

  it('F1 a wish to be left alone is heard, within bounds', async () => {
    const bench = await benchOf()
    await bench.fill(await bench.addSource('anna'), 1)
    const [claim] = await bench.reads(1)
    await bench.write({
      ...failed(claim!, 'internal'),
      failure: failure('internal', 99 * 86_400_000),
    })
    bench.pass(bench.policy.retryMaxMs - 1)
    expect(await bench.reads(1)).toEqual([])
    bench.pass(1)
    expect(await bench.reads(1)).toHaveLength(1)
  })

  it('F1 what was parked is tried again when a person asks', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 1)
    for (let n = 0; n < 6; n++) {
      await bench.write(failed((await bench.reads(1))[0]!, 'internal'))
      bench.pass(10 * minute)
    }
    expect(await bench.reads(1)).toEqual([])
    await bench.ask(source)
    await bench.round(source, items)
    await bench.readAll()
    expect(await bench.keys(source)).toEqual(['f0'])
    expect(await bench.registry.troubles(source, 9)).toEqual([])
  })

  it('F1 a new version of a parked file is read', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    for (let n = 0; n < 6; n++) {
      await bench.write(failed((await bench.reads(1))[0]!, 'internal'))
      bench.pass(10 * minute)
    }
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v2')])
    await bench.readAll()
    expect(await bench.shown.of(source)).toEqual({ f0: 'f0 v2' })
  })

  it('F2 what is no good is recorded, hidden, and not read again before it changes', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 2, true)
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v2'), items[1]!])
    await bench.write(failed((await bench.reads(1))[0]!, 'not-audio'))
    expect(await bench.keys(source)).toEqual(['f1'])
    expect(await bench.registry.troubles(source, 9)).toMatchObject([
      { state: 'skipped', code: 'not-audio' },
    ])
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v2'), items[1]!])
    expect(await bench.reads(1)).toEqual([])
    await bench.ask(source)
    await bench.round(source, [file('f0', 'v3'), items[1]!])
    await bench.readAll()
    expect(await bench.shown.of(source)).toEqual({ f0: 'f0 v3', f1: 'f1 v1' })
    expect(await bench.registry.troubles(source, 9)).toEqual([])
  })

  it('F11 what could not be found when it was read is asked for when the next round ends', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const items = await bench.fill(source, 40, true)
    await bench.ask(source)
    const news = items.map(({ key }) => file(key, 'v2'))
    await bench.round(source, news)
    // The disk of a NAS is not mounted: it answers "not found" whatever it is asked for.
    for (let claims = await bench.reads(4); claims.length > 0; claims = await bench.reads(4)) {
      await bench.write(...claims.map((each) => failed(each, 'not-found')))
    }
    expect((await bench.shown.of(source))['f0']).toBe('f0 v1')
    await bench.ask(source)
    await bench.round(source, news)
    expect(await bench.status(source)).toMatchObject({ withheld: 0, state: 'listing' })
    await bench.write(settled(await bench.settle(), (key) => key !== 'f3'))
    await bench.readAll()
    expect(await bench.keys(source)).toHaveLength(39)
    expect((await bench.shown.of(source))['f0']).toBe('f0 v2')
  })

  it('F3 a task of a source that fails is not blamed', async () => {
    const bench = await benchOf({ maxFailures: 1_000, maxAttempts: 2 })
    await bench.fill(await bench.addSource('anna'), 1)
    bench.pass(1)
    for (let n = 0; n < 9; n++) await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
    expect(await bench.reads(1)).toHaveLength(1)
  })

  it('F3 unless the source has answered well since: then the task burns its own attempts', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 20)
    const isBad = ({ item }: ReadClaim): boolean => item.key === 'f0'
    for (let n = 0; n < 40; n++) {
      bench.pass(minute)
      const { checks } = await bench.write()
      await bench.write(...checks.map((each) => checked(each)))
      const claims = await bench.reads(2)
      await bench.write(
        ...claims.map((each) => (isBad(each) ? failed(each, 'timeout') : applied(each))),
      )
    }
    expect(await bench.registry.troubles(source, 9)).toMatchObject([
      { path: 'f0', code: 'timeout' },
    ])
    expect(await bench.keys(source)).toHaveLength(19)
    expect((await bench.status(source)).state).toBe('listing')
  })

  it('F4 five failures in a row open the breaker, and nothing of the source is claimed', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 20)
    for (let n = 0; n < 4; n++) await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
    expect((await bench.status(source)).state).not.toBe('resting')
    await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
    expect(await bench.status(source)).toMatchObject({
      state: 'resting',
      lastError: { code: 'unreachable' },
    })
    await bench.ask((await bench.addSource('bob')) && source + 1)
    expect((await bench.claims()).some(({ sourceId }) => sourceId === source)).toBe(false)
  })

  it('F4 so do most of the last twenty, and a wish to be left alone', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 1 } })
    const source = await bench.addSource('anna')
    await bench.fill(source, 60)
    let results = 0
    while ((await bench.status(source)).state !== 'resting' && results < 30) {
      const [claim] = await bench.reads(1)
      await bench.write(results++ % 3 === 0 ? applied(claim!) : failed(claim!, 'interrupted'))
      bench.pass(minute)
    }
    expect(results).toBeLessThan(25)
    await bench.ask(source)
    const [claim] = await bench.reads(1)
    await bench.write(failed(claim!, 'rate-limited', 600_000))
    expect((await bench.status(source)).nextMs).toBe(bench.clock.nowMs + 600_000)
  })

  it('F5 results of tasks claimed before the breaker opened do not move it', async () => {
    const bench = await benchOf({ slots: { list: 1, read: 20 }, windowStart: 20 })
    const source = await bench.addSource('anna')
    await bench.fill(source, 60)
    const claims = await bench.reads(20)
    await bench.write(...claims.slice(0, 5).map((each) => failed(each, 'timeout')))
    const { nextMs } = await bench.status(source)
    await bench.write(...claims.slice(5, 15).map((each) => failed(each, 'timeout')))
    expect((await bench.status(source)).nextMs).toBe(nextMs)
    bench.clock.nowMs = nextMs ?? 0
    await bench.turn([], {})
    await bench.write(checked(source))
    await bench.write(...claims.slice(15).map((each) => failed(each, 'timeout')))
    expect((await bench.status(source)).state).toBe('waiting')
  })

  it('F5 nor do they stop it again, or wipe out why it stopped', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    const [one, two, three] = await bench.reads(3)
    await bench.write(failed(one!, 'auth'))
    await bench.write(applied(two!))
    expect(await bench.status(source)).toMatchObject({
      state: 'stopped',
      lastError: { code: 'auth' },
    })
    await bench.ask(source)
    await bench.write(failed(three!, 'auth'))
    expect((await bench.status(source)).state).not.toBe('stopped')
  })

  it('F5 nor do results of tasks that were under way when a person asked', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    const [old] = await bench.reads(1)
    // Somebody has just put in the new password.
    await bench.ask(source)
    await bench.write(failed(old!, 'auth'))
    expect((await bench.status(source)).state).not.toBe('stopped')
    await bench.readAll()
    expect(await bench.keys(source)).toHaveLength(8)
  })

  it('F6 a resting source is asked by its check alone, and rests longer each time', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    for (let n = 0; n < 5; n++) await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
    const rests: number[] = []
    for (let n = 0; n < 9; n++) {
      const { nextMs } = await bench.status(source)
      rests.push((nextMs ?? 0) - bench.clock.nowMs)
      expect((await bench.turn()).checks).toEqual([])
      bench.clock.nowMs = nextMs ?? 0
      expect(await bench.turn()).toMatchObject({ checks: [source], claims: [] })
      // Nobody else asks while the answer may still come.
      expect((await bench.turn()).checks).toEqual([])
      await bench.write(checked(source, 'unreachable'))
    }
    expect(rests).toEqual(
      [15, 30, 60, 120, 240, 480, 960, 1_800, 1_800].map((each) => each * 1_000),
    )
  })

  it('F6 a check that passes lets it go on, and a success makes its rests short again', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    const rest = async (): Promise<number> => {
      for (let n = 0; n < 5; n++)
        await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
      const { nextMs } = await bench.status(source)
      const restMs = (nextMs ?? 0) - bench.clock.nowMs
      bench.clock.nowMs = nextMs ?? 0
      await bench.turn([], {})
      await bench.write(checked(source))
      return restMs
    }
    expect(await rest()).toBe(15_000)
    bench.pass(1)
    const [claim] = await bench.reads(1)
    await bench.write(applied(claim!))
    for (let n = 0; n < 4; n++) await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
    expect((await bench.status(source)).state).toBe('waiting')
    await bench.write(failed((await bench.reads(1))[0]!, 'unreachable'))
    const { nextMs } = await bench.status(source)
    expect((nextMs ?? 0) - bench.clock.nowMs).toBe(15_000)
  })

  it('F6 a check that nobody answered is handed out again', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 1)
    await bench.write(failed((await bench.reads(1))[0]!, 'rate-limited', 1))
    bench.pass(15_000)
    expect((await bench.turn()).checks).toEqual([source])
    bench.pass(bench.policy.checkMs + bench.policy.graceMs)
    expect((await bench.turn()).checks).toEqual([source])
  })

  it('F7 a source that needs a person stands still, its tasks kept, until somebody asks for it', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    await bench.write(failed((await bench.reads(1))[0]!, 'auth'))
    bench.pass(365 * 86_400_000)
    expect(await bench.turn()).toMatchObject({ claims: [], checks: [] })
    expect(await bench.status(source)).toMatchObject({ state: 'stopped', nextMs: null })
    await bench.ask(source)
    await bench.readAll()
    expect(await bench.keys(source)).toHaveLength(8)
  })

  it('F7 a check can stop it, too', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    await bench.write(failed((await bench.reads(1))[0]!, 'rate-limited', 1))
    bench.pass(60_000)
    await bench.turn([], {})
    await bench.write(checked(source, 'auth'))
    expect(await bench.status(source)).toMatchObject({
      state: 'stopped',
      lastError: { code: 'auth' },
    })
    expect(health.stopped).toBe(2)
  })

  it("F7 a peer is nobody's: it rests for long, and is asked again by itself", async () => {
    const bench = await benchOf(withPeers)
    const { restMaxMs } = bench.policy
    const peer = await bench.addPeer('a')
    await bench.write(failed(await bench.peer(), 'forbidden'))
    for (let n = 0; n < 2; n++) {
      expect(await bench.status(peer)).toMatchObject({
        state: 'resting',
        nextMs: bench.clock.nowMs + restMaxMs,
        lastError: { code: 'forbidden' },
      })
      bench.pass(restMaxMs)
      expect(await bench.turn()).toMatchObject({ claims: [], checks: [peer] })
      await bench.write(checked(peer, 'forbidden'))
    }
    bench.pass(restMaxMs)
    await bench.turn()
    await bench.write(checked(peer))
    expect((await bench.peer()).step).toBe(null)
  })

  it('F8 a source that fails costs others nothing but the slots it held', async () => {
    const bench = await benchOf()
    const dead = await bench.addSource('anna')
    await bench.fill(dead, 100)
    const well = await bench.addSource('bob')
    await bench.fill(well, 30)
    const hanging = (await bench.reads(4)).filter(({ sourceId }) => sourceId === dead)
    expect(hanging).toHaveLength(2)
    let guard = 0
    while ((await bench.keys(well)).length < 30 && guard++ < 40) {
      const claims = (await bench.reads(4)).filter(({ sourceId }) => sourceId === well)
      await bench.write(...claims.map((each) => applied(each)))
      bench.pass(20_000)
    }
    expect(await bench.keys(well)).toHaveLength(30)
  })

  it('F9 an effect that cannot be written fails its own task and no other', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 4)
    bench.shown.breaksOn = 'f1 v1'
    const claims: readonly Claim[] = await bench.reads(4)
    const { acks } = await bench.write(...claims.map((each) => applied(each)))
    expect(acks.every(({ isHeld }) => isHeld)).toBe(true)
    expect(await bench.keys(source)).toEqual(['f0', 'f2', 'f3'])
    for (let n = 0; n < 5; n++) {
      bench.pass(10 * minute)
      await bench.readAll()
    }
    expect(await bench.registry.troubles(source, 9)).toMatchObject([
      { path: 'f1', state: 'failed', code: 'internal' },
    ])
  })

  it('F10 owed work that does not move for ten minutes is a stall', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 8)
    const sinceMs = bench.clock.nowMs
    bench.pass(bench.policy.stallMs - 1)
    expect(await bench.store.stalls()).toEqual([])
    bench.pass(1)
    expect(await bench.store.stalls()).toEqual([{ sourceId: source, sinceMs }])
    await bench.registry.setPaused(source, true)
    expect(await bench.store.stalls()).toEqual([])
    await bench.registry.setPaused(source, false)
    await bench.readAll()
    expect(await bench.store.stalls()).toEqual([])
  })

  it('F10 a peer is a stall only where somebody has slots for peers', async () => {
    const bench = await benchOf()
    await bench.addPeer('far')
    bench.pass(bench.policy.stallMs)
    expect(await bench.store.stalls()).toEqual([])
    const node = await benchOf(withPeers)
    const peer = await node.addPeer('far')
    node.pass(node.policy.stallMs)
    expect((await node.store.stalls()).map(({ sourceId }) => sourceId)).toEqual([peer])
  })

  it('F10 so is a round that is long overdue; what rests or has nothing to do is none', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    const dueMs = bench.clock.nowMs
    expect(await bench.store.stalls(0)).toEqual([{ sourceId: source, sinceMs: dueMs }])
    bench.pass(bench.policy.stallMs - 1)
    expect(await bench.store.stalls()).toEqual([])
    bench.pass(1)
    expect(await bench.store.stalls()).toEqual([{ sourceId: source, sinceMs: dueMs }])
    await bench.fill(source, 8, true)
    bench.pass(bench.policy.stallMs)
    expect(await bench.store.stalls()).toEqual([])
    await bench.ask(source)
    await bench.write(failed(await bench.list(), 'auth'))
    bench.pass(bench.policy.stallMs)
    expect(await bench.store.stalls()).toEqual([])
  })

  it('F10 a round waits since it came due, however long ago its source was listed', async () => {
    const bench = await benchOf()
    const source = await bench.addSource('anna')
    await bench.fill(source, 2, true)
    const dueMs = (await bench.status(source)).nextMs!
    bench.pass(dueMs - bench.clock.nowMs + 5)
    expect(await bench.store.stalls(6)).toEqual([])
    expect(await bench.store.stalls(5)).toEqual([{ sourceId: source, sinceMs: dueMs }])
  })
}
