import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import { abortable } from '../../base/abort.ts'
import { SyncError } from '../../base/errors.ts'
import { maxSmallBytes, type Received, type ReceiveLimits } from '../../content/blobs.ts'
import { ContentHash } from '../../content/hashing.ts'
import type { ContentFiles, NewContentFile } from './content-files.ts'

const what = 'Receiving content'
/** Bytes from the beginning that are told of. */
const maxHeadBytes = 64

/** `ContentBlobs.receive` above a folder of files. */
export async function receive(
  files: ContentFiles,
  source: AsyncIterable<Uint8Array>,
  limits: ReceiveLimits,
): Promise<Received> {
  const intake = new Intake(files, limits)
  try {
    for await (const bytes of untilAborted(source, limits.signal)) await intake.take(bytes)
    return await intake.end()
  } catch (error) {
    // What went wrong first is what is told.
    await intake.drop().catch(() => undefined)
    throw error
  }
}

/** Bytes as they come in: gathered as long as they may be small, from then on in a file. */
class Intake {
  readonly #files: ContentFiles
  readonly #limits: ReceiveLimits
  readonly #hash: ContentHash
  #file: NewContentFile | null = null
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #size = 0
  #head: Uint8Array = new Uint8Array(0)

  constructor(files: ContentFiles, limits: ReceiveLimits) {
    this.#files = files
    this.#limits = limits
    this.#hash = new ContentHash(limits.form ?? 1)
  }

  async take(bytes: Uint8Array): Promise<void> {
    const { maxBytes } = this.#limits
    this.#size += bytes.length
    if (this.#size > maxBytes) {
      throw new SyncError('too-big', `${what}: more than the ${maxBytes} bytes that are taken.`)
    }
    this.#hash.update(bytes)
    if (this.#head.length < maxHeadBytes) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, maxHeadBytes - this.#head.length)])
    }
    if (this.#gatheredBytes + bytes.length > maxSmallBytes) await this.#flush(bytes)
    else this.#gather(bytes)
  }

  async end(): Promise<Received> {
    const { isFile = false, isPacked = false } = this.#limits
    if (this.#file === null && !isFile && !isPacked) return this.#small()
    const file = await this.#flush(new Uint8Array(0))
    await file.end()
    const hash = this.#hash.digest()
    return {
      hash,
      size: this.#size,
      bytes: null,
      head: this.#head,
      read: () => file.read(),
      keep: () => file.keep(hash),
      drop: () => file.drop(),
    }
  }

  async drop(): Promise<void> {
    await this.#file?.drop()
  }

  #small(): Received {
    const bytes = Buffer.concat(this.#gathered)
    return {
      hash: this.#hash.digest(),
      size: this.#size,
      bytes,
      head: this.#head,
      read: async () => bytes,
      keep: async () => undefined,
      drop: async () => undefined,
    }
  }

  #gather(bytes: Uint8Array): void {
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
  }

  /** Writes what was gathered, and what came behind it. */
  async #flush(bytes: Uint8Array): Promise<NewContentFile> {
    this.#file ??= await this.#files.create(this.#limits.isPacked === true)
    if (this.#gatheredBytes > 0) await this.#file.write(Buffer.concat(this.#gathered))
    this.#gathered = []
    this.#gatheredBytes = 0
    if (bytes.length > 0) await this.#file.write(bytes)
    return this.#file
  }
}

/** What a source gives, until the signal is aborted: then it is left, though it may never answer. */
async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const items = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await abortable(items.next(), signal, what)
      if (next.done === true) return
      yield next.value
    }
  } finally {
    if (source instanceof Readable) source.destroy()
    void items.return?.().catch(() => undefined)
  }
}
