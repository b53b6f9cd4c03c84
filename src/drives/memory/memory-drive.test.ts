import { describe, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { readBody } from '../../base/remote/body.ts'
import type { Batch, Change, ListedItem } from '../../engine/source.ts'
import { MemoryDrive, type MemoryDriveParts } from './memory-drive.ts'

const never = new AbortController().signal

describe('faults', () => {
  test('a failure happens as often as it was told to, where it was told to', async () => {
    const drive = filled()
    drive.inject({
      on: 'list',
      at: 'a',
      does: 'fail',
      code: 'unavailable',
      retryAfterMs: 5,
      times: 2,
    })
    await list(drive)
    for (let i = 0; i < 2; i++) {
      await expect(list(drive, 'a')).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: 5 })
    }
    expect(changesOf(await list(drive, 'a'))).toHaveLength(2)
    expect(drive.counts.lists).toBe(4)
  })

  test('a failure without a number lasts until it is taken back', async () => {
    const drive = filled()
    const heal = drive.inject({ on: 'any', does: 'fail', code: 'unreachable' })
    for (let i = 0; i < 3; i++) {
      await expect(drive.check(never)).rejects.toMatchObject({ code: 'unreachable' })
    }
    heal()
    await drive.check(never)
  })

  test('what hangs ends with the signal', async () => {
    const drive = filled()
    drive.inject({ on: 'stat', does: 'hang' })
    const caller = new AbortController()
    const asking = drive.stat(await item(drive), caller.signal)
    setImmediate(() => caller.abort())
    await expect(asking).rejects.toMatchObject({ code: 'cancelled' })
  })

  test('what is slow waits for the clock alone', async () => {
    const waits: number[] = []
    const clock = { ...systemClock, sleep: async (ms: number) => void waits.push(ms) }
    const drive = filled({ clock })
    drive.inject({ on: 'check', does: 'slow', ms: 86_400_000 })
    await drive.check(never)
    expect(waits).toEqual([86_400_000])
  })

  test.each([
    ['cut', 'interrupted'],
    ['change', 'changed'],
  ] as const)('a body is %s after some bytes', async (does, code) => {
    const drive = filled()
    const found = await item(drive)
    drive.inject({ on: 'open', does, after: 70_000, times: 1 })
    const { body } = await drive.open(found, { start: 10, end: 90_000 }, never)
    await expect(readBody(body, 100_000, never)).rejects.toMatchObject({ code })
    expect(drive.counts.bytes).toBe(70_000)
    const now = await drive.stat(found, never)
    expect(now.version === found.version).toBe(does === 'cut')
  })

  test('a body that stalls ends with the signal', async () => {
    const drive = filled()
    drive.inject({ on: 'open', does: 'stall', after: 10 })
    const caller = new AbortController()
    const { body } = await drive.open(await item(drive), null, caller.signal)
    body.once('data', () => caller.abort())
    await expect(readBody(body, 100_000, never)).rejects.toMatchObject({ code: 'cancelled' })
  })

  test('a listing is cut in the middle', async () => {
    const drive = filled({ batchSize: 1 })
    drive.inject({ on: 'list', at: 'a', does: 'cut', after: 1 })
    const batches = drive.list('a', never)
    expect((await batches.next()).value?.changes).toHaveLength(1)
    await expect(batches.next()).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('a root is empty once', async () => {
    const drive = filled()
    drive.inject({ on: 'list', at: '', does: 'empty', times: 1 })
    expect(await list(drive)).toEqual([{ changes: [], next: [] }])
    expect((await list(drive))[0]?.next).toEqual([{ step: 'a' }])
  })

  test('a size that lies is listed, and the truth is what stat tells', async () => {
    const drive = filled()
    drive.put('liar.mp3', Buffer.from('four'), 4_000)
    const [liar] = itemsOf(await list(drive))
    expect(liar?.size).toBe(4_000)
    await expect(drive.open(liar!, null, never)).rejects.toMatchObject({ code: 'changed' })
    const honest = await drive.stat(liar!, never)
    expect(String(await readBody((await drive.open(honest, null, never)).body, 10, never))).toBe(
      'four',
    )
  })
})

describe('a feed', () => {
  test('tells what changed since a cursor, each file once, however often it changed', async () => {
    const drive = filled({ shape: 'feed' })
    const cursor = cursorOf(await list(drive))
    drive.put('b.mp3', Buffer.from('1'))
    drive.put('b.mp3', Buffer.from('12'))
    drive.remove('a/one.mp3')
    drive.move('a/two.mp3', 'c/two.mp3')
    const told = changesOf(await list(drive, cursor)).map(brief)
    expect(told).toEqual(['b.mp3 2', 'gone a/one.mp3', 'gone a/two.mp3', 'c/two.mp3 5'])
  })

  test('of a full listing tells nobody of what was gone before, but of what goes meanwhile', async () => {
    const drive = filled({ shape: 'feed', pageSize: 1 })
    drive.put('early.mp3', Buffer.from('1'))
    drive.remove('early.mp3')
    const [first] = await list(drive)
    drive.remove('a/one.mp3')
    const told = changesOf([first!])
    for (let next = first?.next; next?.[0] !== undefined;) {
      const [page] = await list(drive, next[0].step)
      told.push(...(page?.changes ?? []))
      next = page?.next
    }
    expect(told.map(brief)).toEqual(['a/one.mp3 100000', 'a/two.mp3 5', 'gone a/one.mp3'])
  })

  test('repeats itself backwards, and forgets cursors, when told to', async () => {
    const drive = filled({ shape: 'feed' })
    drive.inject({ on: 'list', does: 'repeat', times: 1 })
    const batches = await list(drive)
    expect(changesOf(batches).map(brief)).toEqual([
      'a/two.mp3 5',
      'a/one.mp3 100000',
      'a/two.mp3 5',
      'a/one.mp3 100000',
    ])
    drive.expireCursors()
    await expect(list(drive, cursorOf(batches))).rejects.toMatchObject({ code: 'cursor-expired' })
    expect(changesOf(await list(drive))).toHaveLength(2)
  })
})

test('place versions change with anything below, and with nothing else', async () => {
  const drive = filled({ hasPlaceVersions: true })
  drive.put('b/deep/er/song.mp3', Buffer.from('1'))
  const before = versionsOf(await list(drive))
  drive.put('b/deep/er/song.mp3', Buffer.from('2'))
  const after = versionsOf(await list(drive))
  expect(after.get('a')).toBe(before.get('a'))
  expect(after.get('b')).not.toBe(before.get('b'))
})

function filled(parts: Partial<MemoryDriveParts> = {}): MemoryDrive {
  const drive = new MemoryDrive({ clock: systemClock, shape: 'tree', ...parts })
  drive.put('a/one.mp3', {
    size: 100_000,
    bytes: (start, end) => Buffer.alloc(end - start, start % 251),
  })
  drive.put('a/two.mp3', Buffer.from('12345'))
  return drive
}

async function list(drive: MemoryDrive, step: string | null = null): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of drive.list(step, never)) batches.push(batch)
  return batches
}

async function item(drive: MemoryDrive): Promise<ListedItem> {
  const [first] = itemsOf(await list(drive, 'a'))
  if (first === undefined) throw new Error('nothing listed')
  return first
}

function changesOf(batches: readonly Batch[]): Change[] {
  return batches.flatMap(({ changes }) => changes)
}

function itemsOf(batches: readonly Batch[]): ListedItem[] {
  return changesOf(batches).flatMap((change) => (change.type === 'listed' ? [change.item] : []))
}

function cursorOf(batches: readonly Batch[]): string {
  return batches.at(-1)?.cursor ?? ''
}

function versionsOf(batches: readonly Batch[]): Map<string, string | undefined> {
  return new Map(
    batches.flatMap(({ next = [] }) => next.map(({ step, version }) => [step, version])),
  )
}

function brief(change: Change): string {
  return change.type === 'gone' ? `gone ${change.key}` : `${change.item.key} ${change.item.size}`
}
