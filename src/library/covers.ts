import { createHash } from 'node:crypto'
import { abortable } from '../base/abort.ts'
import { SyncError } from '../base/errors.ts'
import type { Source } from '../engine/source.ts'
import type { Blobs } from './blobs.ts'
import type { Catalogue, Cover } from './catalogue.ts'
import { rangeFetch } from './range-fetch.ts'
import { ReadingTurns } from './reading-turns.ts'
import { readCover } from './tags/cover.ts'
import type { CoverPlace } from './tags.ts'

export interface CoversParts {
  readonly catalogue: Pick<Catalogue, 'keepCover'>
  readonly blobs: Blobs
  /** The open source of this number; throws when there is none. */
  readonly source: (sourceId: number) => Promise<Source>
  /** Why nothing is to be read from this source now: it rests, is stopped or paused; null when it is well. Cheap. */
  readonly refusal: (sourceId: number) => Promise<SyncError | null>
}

export interface CoverBytes {
  readonly bytes: Uint8Array
  /** An image type, told from the bytes. */
  readonly mime: string
  /** sha256 in hex: the same bytes for ever. */
  readonly hash: string
}

/**
 * Pictures, read when first wanted: from the drive with one range, later from the blobs. Whoever asks for the same
 * cover at the same time waits for the same reading; readings take turns, so that no drive stops the covers of others.
 */
export class Covers {
  readonly #parts: CoversParts
  readonly #readings = new Map<string, Reading>()
  readonly #turns = new ReadingTurns()

  constructor(parts: CoversParts) {
    this.#parts = parts
  }

  /**
   * Throws `changed` when the file is not what it was when its cover was found, `too-big` above `maxCoverBytes`,
   * `unparsable` for what is no picture, `cancelled` when too many readings wait already, at once why its source rests
   * or is stopped, and what the source throws.
   */
  async get(cover: Cover, signal: AbortSignal): Promise<CoverBytes> {
    signal.throwIfAborted()
    if (cover.hash !== null && cover.mime !== null) {
      const bytes = await this.#parts.blobs.get(cover.hash)
      if (bytes !== null) return { bytes, mime: cover.mime, hash: cover.hash }
    }
    const reading = this.#reading(cover)
    reading.askers++
    try {
      return await abortable(reading.result, signal, 'Reading a cover')
    } finally {
      reading.askers--
      if (reading.askers === 0) {
        reading.stop.abort(new SyncError('cancelled', 'Nobody waits for this cover any more.'))
      }
    }
  }

  #reading(cover: Cover): Reading {
    const key = JSON.stringify([cover.id, cover.item.version])
    const running = this.#readings.get(key)
    if (running !== undefined && !running.stop.signal.aborted) return running
    const stop = new AbortController()
    const reading = { askers: 0, stop, result: this.#inTurn(cover, stop.signal) }
    this.#readings.set(key, reading)
    const forget = (): void => {
      if (this.#readings.get(key) === reading) this.#readings.delete(key)
    }
    // Whoever asked hears of a failure; here it only ends the reading.
    void reading.result.then(forget, forget)
    return reading
  }

  async #inTurn(cover: Cover, signal: AbortSignal): Promise<CoverBytes> {
    await this.#checkSource(cover)
    const end = await this.#turns.take(cover.sourceId, signal)
    try {
      // While it waited the source may have gone to rest.
      await this.#checkSource(cover)
      return await this.#read(cover, signal)
    } finally {
      end()
    }
  }

  async #checkSource({ sourceId }: Cover): Promise<void> {
    const refusal = await this.#parts.refusal(sourceId)
    if (refusal !== null) throw refusal
  }

  async #read(cover: Cover, signal: AbortSignal): Promise<CoverBytes> {
    const source = await abortable(this.#parts.source(cover.sourceId), signal, 'Opening a source')
    const fetch = rangeFetch(source, cover.item, signal)
    const { bytes, mime } = await readCover(placeOf(cover), fetch, maxCoverBytes, signal)
    const hash = createHash('sha256').update(bytes).digest('hex')
    await this.#parts.blobs.put(hash, bytes)
    await this.#parts.catalogue.keepCover(cover, hash, mime)
    return { bytes, mime, hash }
  }
}

/** Bytes of a picture. */
export const maxCoverBytes = 10 * 1_048_576

interface Reading {
  askers: number
  readonly stop: AbortController
  readonly result: Promise<CoverBytes>
}

function placeOf(cover: Cover): CoverPlace {
  return cover.place ?? { start: 0, end: cover.item.size, mime: '', form: 'raw' }
}
