import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { unsigned } from '../../../test/content/snapshot-world.ts'
import type { ActiveRow } from '../content-store.ts'
import { snapshotHeading, snapshotLine } from './snapshot-format.ts'
import { maxLineBytes, partStarts, snapshotLines } from './snapshot-reader.ts'

const rows = Array.from({ length: 60 }, (_, n): ActiveRow => {
  const pointers = [`pointer ${n}`, 'ü'.repeat(n % 3)]
  return { ...unsigned({ n, timestamp: n, pointers }), localMs: 0 }
})
const lines = rows.map(snapshotLine)
const file = Buffer.from(snapshotHeading + lines.join(''))

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

async function read(bytes: Uint8Array, pieceBytes = 1_000, start = 0) {
  const found = { ids: [] as string[], starts: [] as number[], unreadable: 0, foreign: 0 }
  for await (const piece of snapshotLines(inPieces(bytes, pieceBytes), start)) {
    found.ids.push(...piece.lines.map(({ offer }) => offer.entityId))
    found.starts.push(...piece.lines.map((line) => line.start))
    found.unreadable += piece.unreadable
    found.foreign += piece.foreign
  }
  return found
}

const { signal } = new AbortController()
const ids = rows.map(({ entityId }) => entityId)

test('reads what was written, however it is cut, and knows where each line begins', async () => {
  for (const pieceBytes of [1, 7, 100, 1_000, 1_000_000]) {
    const found = await read(file, pieceBytes)
    expect(found).toMatchObject({ ids, unreadable: 0, foreign: 0 })
    for (const [n, start] of found.starts.entries()) {
      const line = Buffer.from(lines[n]!)
      expect(file.subarray(start, start + line.length).equals(line)).toBe(true)
    }
  }
})

test('gives the whole offer', async () => {
  const [first] = await snapshotLines(inPieces(file, 1e6))
    .next()
    .then(({ value }) => value?.lines ?? [])
  expect(first?.offer).toEqual({
    entityId: ids[0],
    entityType: 'profile',
    pointers: ['pointer 0', ''],
    entityTimestamp: 0,
    authChain: JSON.parse(rows[0]!.authChain),
  })
})

test('heading, empty lines, remarks and a missing end of the last line are no matter', async () => {
  const text = `\n  \r\n${snapshotHeading}### more\n${lines[0]!.trim()}\r\n\n\n${lines[1]!.trim()}`
  expect(await read(Buffer.from(text), 10)).toMatchObject({ ids: ids.slice(0, 2), unreadable: 0 })
  expect(await read(Buffer.alloc(0))).toMatchObject({ ids: [], unreadable: 0 })
})

test('what is no deployment is counted, and what lies around it is read', async () => {
  const wrong = [
    'nonsense',
    '{"entityId":',
    '[]',
    'null',
    '"###"',
    lines[0]!.slice(0, 100),
    lines[0]!.replace('"profile"', '7'),
    '\u0000',
    '#! not a remark',
    '{}{}',
  ]
  const text = wrong.map((line, n) => lines[n]! + `${line}\n`).join('')
  expect(await read(Buffer.from(text))).toMatchObject({
    ids: ids.slice(0, wrong.length),
    unreadable: wrong.length,
    foreign: 0,
  })
  const foreign = lines[0]!.replace('"profile"', '"hologram"')
  expect(await read(Buffer.from(foreign + lines[1]!))).toMatchObject({
    ids: [ids[1]],
    unreadable: 0,
    foreign: 1,
  })
})

test('a line of forty megabytes is counted, dropped as it comes, and what follows is read', async () => {
  const piece = Buffer.alloc(100_000, 'x')
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(lines[0]!)
    for (let n = 0; n < 400; n++) yield piece
    yield Buffer.from(`\n${lines[1]!}`)
  }
  const found = { ids: [] as string[], starts: [] as number[], unreadable: 0 }
  const before = process.memoryUsage().arrayBuffers
  for await (const { lines, unreadable } of snapshotLines(pieces())) {
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(maxLineBytes)
    found.ids.push(...lines.map(({ offer }) => offer.entityId))
    found.starts.push(...lines.map(({ start }) => start))
    found.unreadable += unreadable
  }
  const second = Buffer.byteLength(lines[0]!) + 40_000_001
  expect(found).toEqual({ ids: ids.slice(0, 2), starts: [0, second], unreadable: 1 })
})

test('a line may be as long as is allowed and no longer, also when it comes in one piece', async () => {
  const line = lines[0]!.trim()
  const padded = (bytes: number): Buffer =>
    Buffer.from(`${line}${' '.repeat(bytes - Buffer.byteLength(line))}\n${lines[1]!}`)
  expect((await read(padded(maxLineBytes), 1e9)).ids).toEqual(ids.slice(0, 2))
  expect(await read(padded(maxLineBytes + 1), 1e9)).toMatchObject({
    ids: [ids[1]],
    unreadable: 1,
  })
  expect((await read(padded(maxLineBytes), 65_536)).ids).toEqual(ids.slice(0, 2))
})

test('no bytes make it throw', async () => {
  const piece = fc.oneof(
    fc.uint8Array(),
    fc.constantFrom(...['\n', '{', '"', '###', lines[0]!].map((text) => Buffer.from(text))),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece), fc.integer({ min: 1, max: 50 }), async (pieces, size) => {
      const bytes = Buffer.concat(pieces)
      const whole = await read(bytes, 1_000_000)
      expect(await read(bytes, size)).toEqual(whole)
      await partStarts(inPieces(bytes, size), 2, signal)
    }),
  )
})

test('parts, gone through one by one, are the whole', async () => {
  for (const linesPerPart of [1, 7, 30, 59, 60, 61]) {
    const starts = await partStarts(inPieces(file, 999), linesPerPart, signal)
    expect(starts).toHaveLength(Math.ceil(rows.length / linesPerPart))
    const found: string[] = []
    for (const [n, start] of starts.entries()) {
      const part = await read(file.subarray(start, starts[n + 1]), 100, start)
      expect(part.starts[0]).toBe(start)
      expect(part.ids.length).toBeLessThanOrEqual(linesPerPart)
      found.push(...part.ids)
    }
    expect(found).toEqual(ids)
  }
})

test('a snapshot with nothing in it has no parts, and one with nonsense has one', async () => {
  const startsOf = (text: string): Promise<readonly number[]> =>
    partStarts(inPieces(Buffer.from(text), 500), 10, signal)
  expect(await startsOf(snapshotHeading)).toEqual([])
  expect(await startsOf(`${snapshotHeading}\n\n###\n`)).toEqual([])
  expect(await startsOf(snapshotHeading + 'x\n'.repeat(10_000))).toEqual([snapshotHeading.length])
})

test('a part has a megabyte and a line at most, whatever its lines hold', async () => {
  const mebibyte = 1_024 * 1_024
  for (const [line, count] of [
    [`${'x'.repeat(400_000)}\n`, 12],
    [`${'x'.repeat(9 * mebibyte)}\n`, 4],
  ] as const) {
    const text = Buffer.from(line.repeat(count))
    const starts = await partStarts(inPieces(text, 65_536), 250, signal)
    const ends = [...starts.slice(1), text.length]
    const longest = Math.max(...starts.map((start, n) => (ends[n] ?? 0) - start))
    expect(longest).toBeLessThan(mebibyte + line.length)
    expect(starts.length).toBeLessThanOrEqual(1 + text.length / mebibyte)
  }
})

test('cutting ends when it is called off', async () => {
  const end = new AbortController()
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < 10; n++) {
      if (n === 5) end.abort()
      yield file
    }
    throw new Error('It went on.')
  }
  await expect(partStarts(pieces(), 250, end.signal)).rejects.toMatchObject({ code: 'cancelled' })
})

test('a file of next to nothing but ends of lines is no snapshot', async () => {
  const cut = (short: number): Promise<readonly number[]> =>
    partStarts(inPieces(Buffer.from(lines[0]! + '\n'.repeat(short)), 65_536), 250, signal)
  expect(await cut(100_000)).toEqual([0])
  await expect(cut(100_001)).rejects.toMatchObject({ code: 'protocol' })
})
