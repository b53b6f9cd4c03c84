import { SyncError } from '../../base/errors.ts'

/** A page of the log: keys in the order of their latest change, each at most once. */
export interface LogPage {
  /** `isOld`: changed before the listing began, so nobody waits to hear that it is gone. */
  readonly keys: readonly { readonly key: string; readonly isOld: boolean }[]
  readonly cursor: string
  readonly isLast: boolean
}

/**
 * The order in which the files of a drive last changed. A cursor is `generation.from.position`: which reset it has
 * survived, how long the log was when the listing began, and how much of it has been told.
 */
export class FeedLog {
  readonly #keys: string[] = []
  readonly #latest = new Map<string, number>()
  #generation = 0

  append(key: string): void {
    this.#latest.set(key, this.#keys.length)
    this.#keys.push(key)
  }

  /** Every cursor given so far is of no use any more. */
  expire(): void {
    this.#generation++
  }

  /** What changed after `cursor` (null: since ever), at most `size` keys. Throws `cursor-expired`. */
  page(cursor: string | null, size: number): LogPage {
    const { from, position } = this.#read(cursor)
    const keys: { key: string; isOld: boolean }[] = []
    let at = position
    for (; at < this.#keys.length && keys.length < size; at++) {
      const key = this.#keys[at] ?? ''
      if (this.#latest.get(key) === at) keys.push({ key, isOld: at < from })
    }
    const isLast = at === this.#keys.length
    return { keys, cursor: `${this.#generation}.${from}.${at}`, isLast }
  }

  #read(cursor: string | null): { from: number; position: number } {
    if (cursor === null) return { from: this.#keys.length, position: 0 }
    const [generation, from, position] = cursor.split('.').map(Number)
    if (generation !== this.#generation || from === undefined || position === undefined) {
      throw new SyncError(
        'cursor-expired',
        `The cursor ${cursor} is older than the drive remembers.`,
      )
    }
    return { from, position }
  }
}
