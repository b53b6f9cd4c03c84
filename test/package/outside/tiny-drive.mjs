// A drive as somebody else would write it, with nothing but the package.
import { Readable } from 'node:stream'
import { maxBatch, SyncError } from 'roundelay'

/** @typedef {import('roundelay').Source} Source */

/**
 * Files in memory, as one feed without folders.
 * @implements {Source}
 */
export class TinyDrive {
  shape = /** @type {const} */ ('feed')
  /** @type {{ path: string, bytes: Uint8Array | null }[]} */
  #log = []

  /** @param {string} path @param {Uint8Array | null} bytes */
  write(path, bytes) {
    this.#log.push({ path, bytes })
  }

  /** @type {Source['list']} */
  async *list(step, signal) {
    obey(signal)
    const from = Number(step ?? 0)
    const until = Math.min(this.#log.length, from + maxBatch)
    const changes = new Map()
    for (const { path, bytes } of this.#log.slice(from, until)) {
      const isGone = bytes === null || this.#find(path) === null
      changes.set(
        path,
        isGone ? { type: 'gone', key: path } : { type: 'listed', item: this.#item(path) },
      )
    }
    const cursor = String(until)
    const isMore = until < this.#log.length
    yield {
      changes: [...changes.values()],
      cursor,
      ...(isMore ? { next: [{ step: cursor }] } : {}),
    }
  }

  /** @type {Source['open']} */
  async open({ key, version }, range, signal) {
    obey(signal)
    const now = this.#item(key)
    if (now.version !== version) throw new SyncError('changed', `${key} is another one by now.`)
    const bytes = this.#find(key)?.bytes ?? new Uint8Array()
    const part = bytes.subarray(range?.start ?? 0, range?.end ?? bytes.length)
    const body = Readable.from([Buffer.from(part)], { signal })
    return { body, total: bytes.length }
  }

  /** @type {Source['stat']} */
  async stat({ key }, signal) {
    obey(signal)
    return this.#item(key)
  }

  /** @type {Source['check']} */
  async check(signal) {
    obey(signal)
  }

  async close() {
    this.#log = []
  }

  /** The last thing that was written there. @param {string} path */
  #find(path) {
    const last = this.#log.findLast((entry) => entry.path === path)
    return last === undefined || last.bytes === null ? null : { bytes: last.bytes }
  }

  /** @param {string} key */
  #item(key) {
    const found = this.#find(key)
    if (found === null) throw new SyncError('not-found', `${key} is not there.`)
    const version = String(this.#log.findLastIndex((entry) => entry.path === key))
    return { key, path: key.split('/'), size: found.bytes.length, version }
  }
}

/** @param {AbortSignal} signal */
function obey(signal) {
  if (signal.aborted) throw new SyncError('cancelled', 'The call was called off.')
}
