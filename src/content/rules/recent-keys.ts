/**
 * Keys that are forgotten a while after they were set last. All last equally long, so the oldest is always the first
 * of the map. Times are of a clock that never goes back, in milliseconds.
 */
export class RecentKeys<T> {
  readonly #ttlMs: number
  readonly #entries = new Map<string, { readonly value: T; readonly untilMs: number }>()

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs
  }

  set(key: string, value: T, nowMs: number): void {
    this.#forget(nowMs)
    this.#entries.delete(key)
    if (this.#ttlMs <= 0) return
    this.#entries.set(key, { value, untilMs: nowMs + this.#ttlMs })
    if (this.#entries.size > maxKeys) this.#dropOldest()
  }

  get(key: string, nowMs: number): T | undefined {
    this.#forget(nowMs)
    return this.#entries.get(key)?.value
  }

  /** How many are known. */
  count(nowMs: number): number {
    this.#forget(nowMs)
    return this.#entries.size
  }

  #forget(nowMs: number): void {
    for (const [key, { untilMs }] of this.#entries) {
      if (untilMs > nowMs) return
      this.#entries.delete(key)
    }
  }

  #dropOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key)
      return
    }
  }
}

/** Beyond them the oldest are forgotten early. */
export const maxKeys = 100_000
