import { Buffer } from 'node:buffer'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import type { Findings } from './findings.ts'
import { TagParser } from './tag-parser.ts'

const { signal } = new AbortController()
let parser: TagParser | undefined

afterEach(() => parser?.close())

/** A thread that behaves as the bytes of its files tell it to: hang, break, or answer with how many there were. */
const obedient = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads'
    const progress = new Int32Array(workerData)
    parentPort.on('message', ({ bytes, jobs }) => {
      parentPort.postMessage(jobs.map(({ blocks: [{ start }] }, index) => {
        Atomics.store(progress, 0, index)
        if (bytes[start] === 1) for (;;);
        if (bytes[start] === 2) process.exit(1)
        if (bytes[start] === 3) { const heap = []; for (;;) heap.push({ heap: [heap.length] }) }
        return { texts: { title: String(bytes[start]), artists: [], genres: [], isCompilation: false } }
      }))
    })
    parentPort.postMessage(null)
  `)}`,
)
const script = obedient

function file(byte: number): Findings {
  return { blocks: [{ mime: 'audio/mpeg', bytes: Buffer.from([byte]) }] }
}

/** The first file keeps the thread busy, so that the others go to it in one batch. */
function parseAll(
  parts: TagParser,
  bytes: readonly number[],
): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(
    bytes.map((byte, index) => parts.parse(`${index}.mp3`, file(byte), signal)),
  )
}

test.each([
  [1, 'parser-timeout'],
  [2, 'unparsable'],
  [3, 'unparsable'],
])(
  'a file that does %i is blamed alone, its neighbours are read all the same',
  async (harm, code) => {
    parser = new TagParser({ clock: systemClock, timeLimitMs: harm === 1 ? 300 : 20_000, script })
    const results = await parseAll(parser, [9, 8, harm, 7, harm, 6])
    const told = results.map((result) =>
      result.status === 'fulfilled' ? result.value : result.reason,
    )
    const good = (title: string): unknown => ({ texts: expect.objectContaining({ title }) })
    expect(told).toEqual([
      good('9'),
      good('8'),
      expect.objectContaining({ code }),
      good('7'),
      expect.objectContaining({ code }),
      good('6'),
    ])
  },
)

test('a thread that cannot be started blames nobody', async () => {
  parser = new TagParser({
    clock: systemClock,
    script: new URL('data:text/javascript,throw new Error("no")'),
  })
  await expect(parser.parse('a.mp3', file(9), signal)).rejects.toMatchObject({
    code: 'parser-ended',
  })
})

test('what is under way when it is closed is said to have been ended', async () => {
  parser = new TagParser({ clock: systemClock, script })
  const waiting = [parser.parse('a.mp3', file(1), signal), parser.parse('b.mp3', file(9), signal)]
  const ends = Promise.allSettled(waiting)
  await parser.close()
  const reasons = (await ends).map((end) => (end.status === 'rejected' ? end.reason : end.value))
  expect(reasons).toEqual([
    expect.objectContaining({ code: 'parser-ended' }),
    expect.objectContaining({ code: 'parser-ended' }),
  ])
  await expect(parser.parse('c.mp3', file(9), signal)).rejects.toMatchObject({
    code: 'parser-ended',
  })
})

test('a signal ends the wait for one file and for no other', async () => {
  parser = new TagParser({ clock: systemClock, script })
  const stop = new AbortController()
  const first = parser.parse('a.mp3', file(9), stop.signal)
  const second = parser.parse('b.mp3', file(8), signal)
  stop.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  await expect(second).resolves.toMatchObject({ texts: { title: '8' } })
})
