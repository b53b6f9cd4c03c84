import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { collect } from './collect.ts'
import { SyncError } from './errors.ts'

const never = new AbortController().signal
const body = (...chunks: string[]): Readable =>
  Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  )

test('all chunks, in their order', async () => {
  expect((await collect(body('ab', 'c', 'def'), 6, never, 'Reading')).toString()).toBe('abcdef')
})

test('an empty body is no bytes', async () => {
  expect(await collect(body(), 6, never, 'Reading')).toHaveLength(0)
})

test('one byte too many is a fault of the remote, and the body is over', async () => {
  const long = body('abc', 'def', 'g')
  await expect(collect(long, 6, never, 'Reading')).rejects.toMatchObject({ code: 'protocol' })
  expect(long.destroyed).toBe(true)
})

test('an end that comes too early is interrupted', async () => {
  const cut = new Readable({ read: () => undefined })
  const collected = collect(cut, 6, never, 'Reading')
  cut.push('ab')
  cut.destroy()
  await expect(collected).rejects.toMatchObject({ code: 'interrupted' })
})

test('what the body fails with goes through if it says what it is', async () => {
  const told = new Readable({ read: () => undefined })
  const collected = collect(told, 6, never, 'Reading')
  told.destroy(new SyncError('timeout', 'Too late.'))
  await expect(collected).rejects.toMatchObject({ code: 'timeout' })

  const raw = new Readable({ read: () => undefined })
  const broken = collect(raw, 6, never, 'Reading')
  raw.destroy(new Error('ECONNRESET'))
  await expect(broken).rejects.toMatchObject({ code: 'interrupted' })
})

test('a body that is over already is interrupted, or what it failed with', async () => {
  const over = new Readable({ read: () => undefined })
  over.on('error', () => undefined)
  over.destroy(new SyncError('changed', 'Another one.'))
  await expect(collect(over, 6, never, 'Reading')).rejects.toMatchObject({ code: 'changed' })
})

test('a body that never closes ends it all the same', async () => {
  const mute = (): Readable => new Readable({ read: () => undefined, emitClose: false })
  const failing = mute()
  const failed = collect(failing, 6, never, 'Reading')
  failing.destroy(new Error('ECONNRESET'))
  await expect(failed).rejects.toMatchObject({ code: 'interrupted' })

  const long = mute()
  const tooLong = collect(long, 1, never, 'Reading')
  long.push('abc')
  await expect(tooLong).rejects.toMatchObject({ code: 'protocol' })

  const controller = new AbortController()
  const stopped = collect(mute(), 6, controller.signal, 'Reading')
  controller.abort(new SyncError('timeout', 'Too late.'))
  await expect(stopped).rejects.toMatchObject({ code: 'timeout' })
})

test('ends when it is called off, before and in the middle', async () => {
  const early = body('ab')
  const gone = AbortSignal.abort(new SyncError('cancelled', 'No.'))
  await expect(collect(early, 6, gone, 'Reading')).rejects.toMatchObject({ code: 'cancelled' })
  expect(early.destroyed).toBe(true)

  const controller = new AbortController()
  const late = new Readable({ read: () => undefined })
  const collected = collect(late, 6, controller.signal, 'Reading')
  late.push('ab')
  controller.abort(new SyncError('timeout', 'Too late.'))
  await expect(collected).rejects.toMatchObject({ code: 'timeout' })
  expect(late.destroyed).toBe(true)
})
