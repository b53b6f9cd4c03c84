import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SnapshotWorld, worldKinds } from '../../../test/content/snapshot-world.ts'
import { emptySnapshotHash } from './snapshot-format.ts'
import { keepRetiredMs } from './retired-files.ts'
import { runSnapshots } from './snapshot-run.ts'
import { firstMs, rangesUntil } from './time-range.ts'

const dayMs = 86_400_000
/** On the ninth day: a week and a day lie behind. */
const nowMs = firstMs + 8 * dayMs + 7_200_000
const day = (n: number, ms = 1_000): number => firstMs + n * dayMs + ms

describe.each(worldKinds)('on %s', (kind) => {
  let world: SnapshotWorld
  beforeEach(async () => {
    world = await SnapshotWorld.open(nowMs, kind)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const days = (count: number): void => world.clock.setWall(count * dayMs)

  test('has a file for each range, with what is active in it by time and id, and the empty one where nothing is', async () => {
    const early = await world.place({ timestamp: day(3, 0) })
    const tied = [
      await world.place({ timestamp: day(2) }),
      await world.place({ timestamp: day(2) }),
    ]
    await world.place({ timestamp: day(1), pointers: ['taken'] })
    const winner = await world.place({ timestamp: day(4), pointers: ['taken'] })
    const [week, last, ...more] = await world.run()
    expect([week?.range, last?.range, more.length]).toEqual([...rangesUntil(nowMs), 0])
    expect(await world.idsIn(week!.hash)).toEqual([...tied.toSorted(), early, winner])
    expect(week).toMatchObject({ count: 4, replaced: [] })
    expect(last).toMatchObject({ hash: emptySnapshotHash, count: 0, replaced: [] })
    expect(await world.idsIn(emptySnapshotHash)).toEqual([])
    expect(await world.store.snapshots()).toEqual([week, last])
  })

  test('what lies on a border is in both ranges; what is of before 2020, of today or of tomorrow in none', async () => {
    await world.place({ timestamp: firstMs - 1 })
    await world.place({ timestamp: day(8, 1) })
    await world.place({ timestamp: day(9) })
    const first = await world.place({ timestamp: firstMs })
    const border = await world.place({ timestamp: day(7, 0) })
    const end = await world.place({ timestamp: day(8, 0) })
    const [week, last] = await world.run()
    expect(await world.idsIn(week!.hash)).toEqual([first, border])
    expect(await world.idsIn(last!.hash)).toEqual([border, end])
  })

  test('equal sets give equal files, in whatever order they came', async () => {
    const placed = Array.from({ length: 40 }, (_, n) => ({
      timestamp: day(n % 8, n % 3),
      pointers: [`p${n % 30}`],
    }))
    await using other = await SnapshotWorld.open(nowMs, kind)
    const [one, two] = [placed, placed.toReversed()]
    for (const each of one) await world.place({ ...each, type: 'scene' })
    for (const [n, each] of two.entries()) {
      await other.placeAs(placed.length - 1 - n, { ...each, type: 'scene' })
    }
    const hashes = (await world.run()).map(({ hash }) => hash)
    expect((await other.run()).map(({ hash }) => hash)).toEqual(hashes)
    expect(new Set(hashes).size).toBe(2)
  })

  test('a page is no border', async () => {
    const count = 2_000
    for (let n = 0; n < count; n += 250) await world.placeMany(250, () => ({ timestamp: day(2) }))
    const [week] = await world.run()
    const ids = await world.idsIn(week!.hash)
    expect([ids.length, new Set(ids).size]).toEqual([count, count])
    expect(ids).toEqual(ids.toSorted())
  })

  test('what has not changed is not written again, and is known to be so from then on', async () => {
    await world.place({ timestamp: day(2) })
    const [week, last] = await world.run()
    expect(await world.run()).toEqual([week, last])
    await world.place({ timestamp: day(8, 1) })
    const newestMs = await world.store.newestMs()
    expect(await world.run()).toEqual([
      { ...week, generatedMs: newestMs },
      { ...last, generatedMs: newestMs },
    ])
  })

  test('what came to a range is in its next file, which replaces nothing', async () => {
    const first = await world.place({ timestamp: day(2) })
    const [before] = await world.run()
    const late = await world.place({ timestamp: day(3) })
    const [week] = await world.run()
    expect(await world.idsIn(week!.hash)).toEqual([first, late])
    // Whoever has read the one before knows nothing of what came late.
    expect(week).toMatchObject({ replaced: [], generatedMs: await world.store.newestMs() })
    expect(week!.hash).not.toBe(before!.hash)
  })

  test('what went out of a range is not in its next file, which replaces the one before', async () => {
    await world.place({ timestamp: day(2), pointers: ['a'] })
    const stays = await world.place({ timestamp: day(3) })
    const [before] = await world.run()
    await world.place({ timestamp: day(8, 5), pointers: ['a'] })
    const [week] = await world.run()
    expect(await world.idsIn(week!.hash)).toEqual([stays])
    expect(week!.replaced).toEqual([before!.hash])
    expect((await world.run())[0]).toEqual(week)
  })

  test('one for another is a change, too', async () => {
    await world.place({ timestamp: day(2), pointers: ['a'] })
    await world.run()
    const winner = await world.place({ timestamp: day(3), pointers: ['a'] })
    const [week] = await world.run()
    expect(await world.idsIn(week!.hash)).toEqual([winner])
  })

  test('ranges that were put together replace theirs, but never the empty one', async () => {
    await world.place({ timestamp: day(7) })
    await world.place({ timestamp: day(8, 1) })
    days(6)
    const before = await world.run()
    const lone = before.filter(({ count }) => count > 0).map(({ hash }) => hash)
    expect([before.length, lone.length]).toEqual([8, 2])
    days(1)
    const made = await world.run()
    const [, week] = made
    expect(made.map(({ range }) => range)).toEqual(rangesUntil(world.clock.now()))
    expect(week!.count).toBe(2)
    expect(week!.replaced).toEqual(lone)
    expect(await world.store.snapshots()).toEqual(made)
    await world.blobs.remove([week!.hash])
    expect(await world.run()).toEqual(made)
  })

  test('ranges that leave a gap do not replace what covers it', async () => {
    days(-5)
    await world.place({ timestamp: day(1) })
    // From tomorrow, as seen from then: it is older than the snapshots, and in none of them.
    await world.place({ timestamp: day(5) })
    expect((await world.run()).map(({ count }) => count)).toEqual([0, 1, 0])
    days(5)
    expect((await world.run())[0]).toMatchObject({ count: 2, replaced: [] })
  })

  test('who died is missed, though nobody remembers it any more', async () => {
    await world.place({ timestamp: day(2), pointers: ['a'] })
    const stays = await world.place({ timestamp: day(3) })
    await world.run()
    await world.place({ timestamp: day(8, 5), pointers: ['a'] })
    world.clock.setWall(1)
    const limits = { graceMs: 0, keepDeadMs: 0, limit: 100 }
    for (let isDone = false; !isDone;) ({ isDone } = await world.store.collect(limits))
    const [week] = await world.run()
    expect(await world.idsIn(week!.hash)).toEqual([stays])
  })

  test('ranges that were put together replace nothing if something came meanwhile', async () => {
    await world.place({ timestamp: day(7) })
    days(6)
    await world.run()
    await world.place({ timestamp: day(8) })
    days(1)
    expect((await world.run())[1]).toMatchObject({ count: 2, replaced: [] })
  })

  test('a range that was empty and got filled does not claim to replace the empty snapshot', async () => {
    await world.run()
    await world.place({ timestamp: day(2) })
    const [week] = await world.run()
    expect(week).toMatchObject({ count: 1, replaced: [] })
  })

  test('a file that is gone is written again, under the same name', async () => {
    await world.place({ timestamp: day(2) })
    const made = await world.run()
    await world.blobs.remove(made.map(({ hash }) => hash))
    expect(await world.run()).toEqual(made)
    for (const { hash } of made) await world.textOf(hash)
  })

  test('an old file stays for those who are fetching it, then goes', async () => {
    await world.place({ timestamp: day(2) })
    const [before] = await world.run()
    await world.place({ timestamp: day(3) })
    await world.run()
    world.clock.setWall(keepRetiredMs - 1)
    await world.run()
    expect(await world.isThere(before!.hash)).toBe(true)
    world.clock.setWall(2)
    const made = await world.run()
    expect(await world.isThere(before!.hash)).toBe(false)
    for (const { hash } of made) expect(await world.isThere(hash)).toBe(true)
  })

  test('a file that another range has, or somebody’s content is, stays', async () => {
    await world.run()
    await world.place({ timestamp: day(7, 1), pointers: ['a'] })
    const [, filled] = await world.run()
    await world.deployWithContent(day(8, 9), filled!.hash)
    await world.place({ timestamp: day(8, 5), pointers: ['a'] })
    const [week, last] = await world.run()
    expect([week!.hash, last!.hash]).toEqual([emptySnapshotHash, emptySnapshotHash])
    world.clock.setWall(keepRetiredMs + 1)
    await world.run()
    expect(await world.isThere(emptySnapshotHash)).toBe(true)
    expect(await world.isThere(filled!.hash)).toBe(true)
  })

  test('what comes while a file is written is in the next one at the latest', async () => {
    await world.placeMany(250, () => ({ timestamp: day(5) }))
    const { store } = world
    let late = ''
    const parts = {
      ...world.parts(),
      store: new Proxy(store, {
        get: (target, name: keyof typeof store) => {
          if (name !== 'activeIn') return target[name].bind(target)
          return async (...args: Parameters<typeof store.activeIn>) => {
            const rows = await target.activeIn(...args)
            // Behind the place that was read.
            if (late === '') late = await world.place({ timestamp: day(1) })
            return rows
          }
        },
      }),
    }
    const [week] = await runSnapshots(parts, new AbortController().signal)
    expect(await world.idsIn(week!.hash)).not.toContain(late)
    expect(week!.generatedMs).toBeLessThan(await store.newestMs())
    expect(await world.idsIn((await world.run())[0]!.hash)).toContain(late)
  })

  test('a clock that is set back loses nothing', async () => {
    await world.place({ timestamp: day(2) })
    const made = await world.run()
    days(-3)
    expect((await world.run()).map(({ range }) => range)).toEqual(rangesUntil(world.clock.now()))
    const late = await world.place({ timestamp: day(3) })
    days(3)
    const again = await world.run()
    expect(again.map(({ range }) => range)).toEqual(made.map(({ range }) => range))
    expect(await world.idsIn(again[0]!.hash)).toContain(late)
    expect(await world.store.snapshots()).toEqual(again)
  })

  test('a run that is called off leaves what was, and nothing half written', async () => {
    await world.place({ timestamp: day(2) })
    const made = await world.run()
    await world.place({ timestamp: day(3) })
    const called = new AbortController()
    called.abort()
    await expect(world.run(called.signal)).rejects.toMatchObject({ code: 'cancelled' })
    expect(await world.store.snapshots()).toEqual(made)
  })
})
