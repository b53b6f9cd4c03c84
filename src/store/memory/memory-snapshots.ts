import type { Clock } from '../../base/clock.ts'
import {
  maxRemembered,
  snapshotBackoff,
  type OpenSnapshots,
  type Snapshot,
  type SnapshotPart,
} from '../../content/content-store.ts'
import type { TimeRange } from '../../content/snapshots/time-range.ts'
import type { ContentRows, SnapshotWork } from './content-rows.ts'

/** Snapshots of this node and of others, in the model. */
export class MemorySnapshots {
  readonly #rows: ContentRows
  readonly #clock: Pick<Clock, 'now'>

  constructor(parts: { readonly rows: ContentRows; readonly clock: Pick<Clock, 'now'> }) {
    this.#rows = parts.rows
    this.#clock = parts.clock
  }

  own(): Snapshot[] {
    return this.#rows.snapshots.toSorted(
      (a, b) => a.range.init - b.range.init || a.range.end - b.range.end,
    )
  }

  put(snapshot: Snapshot): void {
    const { init, end } = snapshot.range
    const others = this.#rows.snapshots.filter(({ range }) => range.init < init || range.end > end)
    this.#rows.snapshots = [...others, snapshot]
  }

  drop(ranges: readonly TimeRange[]): void {
    this.#rows.snapshots = this.#rows.snapshots.filter(
      ({ range }) => !ranges.some(({ init, end }) => range.init === init && range.end === end),
    )
  }

  take(hash: string, sourceId: number, patienceMs: number): boolean {
    if (this.#rows.processed.has(hash)) return false
    const work = this.#work(hash)
    const nowMs = this.#clock.now()
    if (nowMs < work.nextMs) return false
    const isOthers = work.sourceId !== null && work.sourceId !== sourceId
    if (isOthers && nowMs < work.movedMs + patienceMs) return false
    work.sourceId = sourceId
    work.movedMs = nowMs
    return true
  }

  plan(hash: string, starts: readonly number[]): void {
    if (this.#rows.processed.has(hash)) return
    const work = this.#work(hash)
    work.parts = new Set(starts)
    work.movedMs = this.#clock.now()
    if (starts.length === 0) this.note([hash])
  }

  finish(parts: readonly SnapshotPart[]): void {
    for (const { hash, start } of parts) {
      const work = this.#rows.work.get(hash)
      if (work?.parts?.delete(start) !== true) continue
      work.movedMs = this.#clock.now()
      if (work.parts.size === 0) this.note([hash])
    }
  }

  fail(hash: string): void {
    if (this.#rows.processed.has(hash)) return
    const work = this.#work(hash)
    const waitMs = snapshotBackoff.baseMs * 2 ** work.attempts
    work.attempts++
    work.sourceId = null
    work.parts = null
    work.movedMs = this.#clock.now()
    work.nextMs = this.#clock.now() + Math.min(waitMs, snapshotBackoff.maxMs)
  }

  open(): OpenSnapshots[] {
    const work = [...this.#rows.work.values()]
    return [...new Set(work.map(({ sourceId }) => sourceId))].map((sourceId) => {
      const moved = work.filter((each) => each.sourceId === sourceId).map(({ movedMs }) => movedMs)
      return { sourceId, idleMs: this.#clock.now() - Math.max(...moved) }
    })
  }

  note(hashes: readonly string[]): void {
    for (const hash of hashes) {
      if (!this.#rows.processed.has(hash)) this.#rows.processed.set(hash, this.#clock.now())
      this.#rows.work.delete(hash)
    }
  }

  /** Of each a few; returns whether nothing is too much. */
  forget(limit: number): boolean {
    const { processed, work } = this.#rows
    const longAgo = oldest([...processed], processed.size - maxRemembered.processed)
    for (const hash of longAgo.slice(0, limit)) processed.delete(hash)
    const moved = [...work].map(([hash, { movedMs }]): [string, number] => [hash, movedMs])
    const unmoved = oldest(moved, moved.length - maxRemembered.open)
    for (const hash of unmoved.slice(0, limit)) work.delete(hash)
    return longAgo.length < limit && unmoved.length < limit
  }

  #work(hash: string): SnapshotWork {
    const work = this.#rows.work.get(hash) ?? {
      sourceId: null,
      movedMs: 0,
      attempts: 0,
      nextMs: 0,
      parts: null,
    }
    this.#rows.work.set(hash, work)
    return work
  }
}

function oldest(times: readonly [string, number][], count: number): string[] {
  return times
    .toSorted(([a, aMs], [b, bMs]) => aMs - bMs || (a < b ? -1 : 1))
    .slice(0, Math.max(0, count))
    .map(([hash]) => hash)
}
