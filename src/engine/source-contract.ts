import assert from 'node:assert/strict'
import { asSyncError, type ErrorCode, SyncError } from '../base/errors.ts'
import { readBody } from '../base/remote/body.ts'
import {
  type Batch,
  type ListedItem,
  maxBatch,
  maxDepth,
  maxKeyBytes,
  type Source,
} from './source.ts'

/** A source to be tried, and hands that can change what is in it. */
export interface SourceBench {
  readonly source: Source
  /** Writes a file at a path such as `Artist/Album/01.mp3`, new or not, with its folders. */
  readonly put: (path: string, bytes: Uint8Array) => Promise<void>
  readonly remove: (path: string) => Promise<void>
  /** Takes away the right to look into a folder, which itself stays to be seen. Absent where that cannot be done. */
  readonly forbid?: (folder: string) => Promise<void>
  /** Breaks every answer off within its first 20,000 bytes from now on. Absent where that cannot be done. */
  readonly cut?: () => Promise<void>
  /** Makes the remote go away: a line that is dead, a disk that is not mounted. Absent where that cannot be done. */
  readonly switchOff?: () => Promise<void>
  /** Takes down everything that `open` of the bench put up, the source included. */
  readonly close: () => Promise<void>
}

/** How a source is to be tried. */
export interface SourceTrial {
  /** Sets up an empty source; called once for every check. */
  readonly open: () => Promise<SourceBench>
  /** Names that cannot be kept there, of those in `oddNames`. */
  readonly impossibleNames?: readonly string[]
  /** Whether two spellings of one name (`é` in one code point and in two) are two files; true by default. */
  readonly keepsSpellings?: boolean
  /** Whether reading a part shows that the file is another by now; true by default. */
  readonly noticesChanges?: boolean
  /** Whether the remote says of a file that may not be read that it is not there; false by default. Listings fail all the same. */
  readonly hidesForbidden?: boolean
  /** Files to put into one folder at once; by default somewhat more than fit into a batch. */
  readonly largeFolder?: number
}

/** A promise of the port, and how to find out whether it is kept. */
export interface SourceCheck {
  readonly name: string
  /** Rejects when the promise is broken. */
  readonly run: () => Promise<void>
}

/**
 * Every obligation of a Source that can be checked from outside. Hand them to a test runner:
 * `for (const { name, run } of sourceContract(trial)) test(name, run)`.
 */
export function sourceContract(trial: SourceTrial): readonly SourceCheck[] {
  return promises.map(([name, check]) => ({
    name,
    run: async () => {
      const bench = await trial.open()
      try {
        await check(bench, trial)
      } finally {
        await bench.close()
      }
    },
  }))
}

/** Names that people and machines really give to files. */
export const oddNames: readonly string[] = [
  'Ünï & +%2F#?.mp3',
  '100%.mp3',
  '%41.mp3',
  ' leading and trailing ',
  'quo\'te "double" <tag>.mp3',
  'back\\slash.mp3',
  'new\nline.mp3',
  '𝄞 clef 🎵.mp3',
  '日本語.flac',
  'semi;colon,comma=equals@at$.mp3',
  '...dots.mp3',
]

type Check = (bench: SourceBench, trial: SourceTrial) => Promise<void>

const promises: readonly (readonly [string, Check])[] = [
  ['an empty source lists nothing', listsNothing],
  ['every file is listed once, with path, size and a version', listsFiles],
  ['odd names come back as they are, and open', keepsNames],
  ['two spellings of one name stay two files', keepsSpellings],
  ['a large folder comes in batches within the bound', batchesAreBounded],
  ['listing a step again finds the same', repeats],
  ['a range gives exactly its bytes', readsRanges],
  ['a range beyond the end gives fewer bytes, or none', readsBeyondTheEnd],
  ['the whole file can be read', readsWholeFiles],
  ['a body that is not read to its end lets go', letsGo],
  ['another content is another version, and the old one does not open', tellsVersions],
  ['what is gone is not listed, nor found', tellsWhatIsGone],
  ['a feed goes on from its cursor with what came and what went', followsFeeds],
  ['stat tells what the listing told', statAgrees],
  ['a listing that is cut ends in error', isNeverCutShort],
  ['what may not be looked into fails, and is neither empty nor gone', tellsWhatIsForbidden],
  ['a remote that went away says of nothing that it is gone', tellsThatItIsOff],
  ['an aborted call ends as cancelled', obeysSignals],
  ['check passes on a good source', checkPasses],
]

async function listsNothing({ source }: SourceBench): Promise<void> {
  assert.deepEqual(await listAll(source), [])
}

async function listsFiles({ source, put }: SourceBench): Promise<void> {
  const sizes = { 'a.mp3': 3, 'Artist/b.mp3': 0, 'Artist/Album/c.mp3': 70_000, 'Other/d.mp3': 1 }
  for (const [path, size] of Object.entries(sizes)) await put(path, pattern(size))
  const items = await listAll(source)
  const listed = Object.fromEntries(items.map(({ path, size }) => [path.join('/'), size]))
  assert.deepEqual(listed, sizes)
  assert.equal(items.length, 4)
  for (const { key, path, version } of items) {
    assert.ok(version !== '' && key !== '')
    assert.ok(Buffer.byteLength(key) <= maxKeyBytes && path.length <= maxDepth)
  }
}

async function keepsNames({ source, put }: SourceBench, trial: SourceTrial): Promise<void> {
  const names = oddNames.filter((name) => trial.impossibleNames?.includes(name) !== true)
  for (const name of names) await put(`${name}/${name}`, Buffer.from(name))
  const items = await listAll(source)
  assert.deepEqual(items.map(({ path }) => path.join('/')).sort(), pathsOf(names))
  for (const item of items) {
    assert.equal(String(await read(source, item)), item.path.at(-1))
    assert.equal((await source.stat(item, never)).version, item.version)
  }
}

async function keepsSpellings({ source, put }: SourceBench, trial: SourceTrial): Promise<void> {
  if (trial.keepsSpellings === false) return
  await put('caf\u00e9.mp3', Buffer.from('one'))
  await put('cafe\u0301.mp3', Buffer.from('two!'))
  const [one, other, another] = await listAll(source)
  assert.ok(one !== undefined && other !== undefined && another === undefined)
  const contents = [String(await read(source, one)), String(await read(source, other))]
  const isInOrder = one.path[0] === 'caf\u00e9.mp3'
  assert.deepEqual(isInOrder ? contents : contents.toReversed(), ['one', 'two!'])
}

async function batchesAreBounded(bench: SourceBench, trial: SourceTrial): Promise<void> {
  const { source, put } = bench
  const count = trial.largeFolder ?? maxBatch + 200
  for (let i = 0; i < count; i++) await put(`many/${i}.mp3`, pattern(1))
  const batches = await walk(source)
  for (const { changes } of batches) assert.ok(changes.length <= maxBatch)
  assert.equal(itemsOf(batches).length, count)
}

async function repeats({ source, put }: SourceBench): Promise<void> {
  await put('a/b.mp3', pattern(5))
  await put('c.mp3', pattern(6))
  assert.deepEqual(byKey(await listAll(source)), byKey(await listAll(source)))
}

async function readsRanges({ source, put }: SourceBench): Promise<void> {
  const bytes = pattern(300_000)
  await put('song.mp3', bytes)
  const item = await only(source)
  for (const [start, end] of [
    [0, 1],
    [0, 65_536],
    [1, 2],
    [131_071, 262_145],
    [299_999, 300_000],
  ] as const) {
    const { body, total } = await source.open(item, { start, end }, never)
    assert.deepEqual(await readBody(body, bytes.length, never), bytes.subarray(start, end))
    assert.ok(total === undefined || total === bytes.length)
  }
}

async function readsBeyondTheEnd({ source, put }: SourceBench): Promise<void> {
  const bytes = pattern(1_000)
  await put('song.mp3', bytes)
  await put('none.mp3', pattern(0))
  const [none, song] = byKey(await listAll(source))
  assert.ok(none !== undefined && song !== undefined)
  assert.deepEqual(await read(source, song, { start: 900, end: 2_000 }), bytes.subarray(900))
  assert.equal((await read(source, song, { start: 1_000, end: 2_000 })).length, 0)
  assert.equal((await read(source, song, { start: 5_000, end: 6_000 })).length, 0)
  assert.equal((await read(source, none, { start: 0, end: 10 })).length, 0)
  assert.equal((await read(source, none)).length, 0)
}

async function readsWholeFiles({ source, put }: SourceBench): Promise<void> {
  const bytes = pattern(1_000_000)
  await put('song.mp3', bytes)
  assert.ok((await read(source, await only(source))).equals(bytes))
}

async function letsGo({ source, put }: SourceBench): Promise<void> {
  await put('song.mp3', pattern(1_000_000))
  const item = await only(source)
  for (let i = 0; i < 40; i++) {
    const { body } = await source.open(item, null, never)
    body.destroy()
  }
  assert.equal((await read(source, item, { start: 10, end: 20 })).length, 10)
}

async function tellsVersions({ source, put }: SourceBench, trial: SourceTrial): Promise<void> {
  await put('song.mp3', pattern(1_000))
  const before = await only(source)
  await put('song.mp3', pattern(1_001))
  const after = await only(source)
  assert.equal(after.key, before.key)
  assert.notEqual(after.version, before.version)
  const range = trial.noticesChanges === false ? null : { start: 0, end: 10 }
  await fails('changed', () => read(source, before, range))
  assert.equal((await read(source, after)).length, 1_001)
}

async function tellsWhatIsGone({ source, put, remove }: SourceBench): Promise<void> {
  await put('a/song.mp3', pattern(10))
  await put('b/other.mp3', pattern(10))
  const [song] = byKey(await listAll(source))
  assert.ok(song !== undefined)
  await remove('a/song.mp3')
  const left = await listAll(source)
  assert.deepEqual(
    left.map(({ path }) => path.join('/')),
    ['b/other.mp3'],
  )
  await fails('not-found', () => source.stat(song, never))
  await fails('not-found', () => read(source, song))
}

async function followsFeeds({ source, put, remove }: SourceBench): Promise<void> {
  if (source.shape !== 'feed') return
  await put('stays.mp3', pattern(1))
  await put('goes.mp3', pattern(2))
  const first = await walk(source)
  const goes = itemsOf(first).find(({ size }) => size === 2)
  await remove('goes.mp3')
  await put('comes.mp3', pattern(3))
  const news = (await walk(source, cursorOf(first))).flatMap(({ changes }) => changes)
  const told = news.map((change) => (change.type === 'gone' ? change.key : change.item.size))
  assert.deepEqual(new Set(told), new Set([goes?.key, 3]))
}

async function statAgrees({ source, put }: SourceBench): Promise<void> {
  await put('Artist/song.mp3', pattern(10))
  const item = await only(source)
  assert.deepEqual(await source.stat(item, never), item)
}

async function isNeverCutShort({ source, put, cut }: SourceBench): Promise<void> {
  if (cut === undefined) return
  for (let i = 0; i < filesToCut; i++) await put(`many/${i}.mp3`, pattern(1))
  await cut()
  await failsAndFindsNothingGone(() => listAll(source))
}

async function tellsWhatIsForbidden(bench: SourceBench, trial: SourceTrial): Promise<void> {
  const { source, put, forbid } = bench
  if (forbid === undefined) return
  await put('closed/hidden.mp3', pattern(10))
  await put('open/seen.mp3', pattern(20))
  const [hidden, seen] = byKey(await listAll(source))
  assert.ok(hidden !== undefined && seen !== undefined)
  await forbid('closed')
  // Of a step any failure will do: none of them says that what was in it is gone.
  await assert.rejects(() => listAll(source))
  assert.equal((await read(source, seen)).length, 20)
  if (trial.hidesForbidden === true) return
  await failsAndFindsNothingGone(() => source.stat(hidden, never))
  await failsAndFindsNothingGone(() => read(source, hidden))
}

async function tellsThatItIsOff({ source, put, switchOff }: SourceBench): Promise<void> {
  if (switchOff === undefined) return
  await put('Artist/song.mp3', pattern(10))
  const item = await only(source)
  await switchOff()
  await failsAndFindsNothingGone(() => listAll(source))
  await failsAndFindsNothingGone(() => source.stat(item, never))
  await failsAndFindsNothingGone(() => read(source, item))
  await failsAndFindsNothingGone(() => source.check(never))
}

async function obeysSignals({ source, put }: SourceBench): Promise<void> {
  await put('song.mp3', pattern(1_000_000))
  const item = await only(source)
  const aborted = AbortSignal.abort()
  await fails('cancelled', () => drain(source.list(null, aborted)))
  await fails('cancelled', () => source.open(item, null, aborted))
  await fails('cancelled', () => source.stat(item, aborted))
  await fails('cancelled', () => source.check(aborted))
  const inTheMiddle = new AbortController()
  const { body } = await source.open(item, null, inTheMiddle.signal)
  const reading = readBody(body, 1_000_000, never)
  inTheMiddle.abort()
  await fails('cancelled', () => reading)
}

async function checkPasses({ source }: SourceBench): Promise<void> {
  await source.check(never)
}

const never = new AbortController().signal

/** Every item of a full listing, steps and pages followed to their end. */
async function listAll(source: Source): Promise<ListedItem[]> {
  return itemsOf(await walk(source))
}

async function walk(source: Source, from: string | null = null): Promise<Batch[]> {
  const batches: Batch[] = []
  const steps = [from]
  for (let at = 0; at < steps.length && at < maxSteps; at++) {
    const found = await drain(source.list(steps[at] ?? null, never))
    batches.push(...found)
    steps.push(...found.flatMap(({ next = [] }) => next.map(({ step }) => step)))
  }
  return batches
}

function cursorOf(batches: readonly Batch[]): string {
  const cursor = batches.findLast((batch) => batch.cursor !== undefined)?.cursor
  assert.ok(cursor !== undefined, 'a feed has a cursor at the end of its listing')
  return cursor
}

const maxSteps = 1_000
/** Their listing is longer than what comes through before the cut. */
const filesToCut = 200

async function drain(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const drained: Batch[] = []
  for await (const batch of batches) drained.push(batch)
  return drained
}

function itemsOf(batches: readonly Batch[]): ListedItem[] {
  return batches.flatMap(({ changes }) =>
    changes.flatMap((change) => (change.type === 'listed' ? [change.item] : [])),
  )
}

async function only(source: Source): Promise<ListedItem> {
  const [item, another] = await listAll(source)
  assert.ok(item !== undefined && another === undefined, 'there should be exactly one file')
  return item
}

async function read(
  source: Source,
  item: ListedItem,
  range: { start: number; end: number } | null = null,
): Promise<Buffer> {
  const { body } = await source.open(item, range, never)
  return readBody(body, 10_000_000, never)
}

async function fails(code: ErrorCode, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.equal(asSyncError(thrown).code, code, String(thrown))
    return true
  })
}

async function failsAndFindsNothingGone(work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (thrown) => {
    assert.ok(thrown instanceof SyncError, String(thrown))
    assert.ok(thrown.code !== 'not-found' && thrown.code !== 'internal', String(thrown))
    return true
  })
}

/** Bytes that differ from their neighbours for a long way. */
function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff))
}

function byKey(items: readonly ListedItem[]): ListedItem[] {
  return items.toSorted((one, other) => (one.key < other.key ? -1 : 1))
}

function pathsOf(names: readonly string[]): string[] {
  return names.map((name) => `${name}/${name}`).sort()
}
