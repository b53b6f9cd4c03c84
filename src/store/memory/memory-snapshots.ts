import type { Clock } from '../../base/clock.ts'
import { snapshotBackoff, type Snapshot, type SnapshotPart } from '../../content/content-store.ts'
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
    work.nextMs = this.#clock.now() + Math.min(waitMs, snapshotBackoff.maxMs)
  }

  note(hashes: readonly string[]): void {
    for (const hash of hashes) {
      this.#rows.processed.add(hash)
      this.#rows.work.delete(hash)
    }
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
