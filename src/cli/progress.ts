import type { SourceStatus } from '../engine/registry.ts'
import { printable, type Terminal } from './terminal.ts'

/** How far the drives are that are waited for, on one line. */
export class Progress {
  readonly #terminal: Terminal
  readonly #lines = new Map<number, string>()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show({ id, name, state, counts }: SourceStatus): void {
    const { done, waiting, running, skipped, failed } = counts
    const troubles = skipped + failed === 0 ? '' : `, ${skipped + failed} skipped`
    this.#lines.set(id, `${name}: ${state}, ${done} read, ${waiting + running} to do${troubles}`)
    this.#terminal.show([...this.#lines.values()].join('; '))
  }

  /** The drive does not answer, and is waited for. */
  rests({ name, lastError }: SourceStatus, patienceMs: number): void {
    const reason = printable(lastError?.message ?? 'it does not answer.')
    const seconds = Math.round(patienceMs / 1_000)
    this.#terminal.note(`${name}: ${reason} It is waited for, ${seconds} s at most (--patience).`)
  }

  /** The drive is not waited for any more. */
  end(sourceId: number): void {
    this.#lines.delete(sourceId)
  }
}
