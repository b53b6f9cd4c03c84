import { abortable, untilAborted } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { SyncError, type ErrorCode } from '../../base/errors.ts'

export type Operation = 'list' | 'open' | 'stat' | 'check'

/** What goes wrong. Bytes are counted from the start of the body that was asked for, changes from the start of the step. */
export type FaultEffect =
  | { readonly does: 'fail'; readonly code: ErrorCode; readonly retryAfterMs?: number }
  /** Never answers; ends when the signal is aborted. */
  | { readonly does: 'hang' }
  /** Answers after `ms` of the clock. */
  | { readonly does: 'slow'; readonly ms: number }
  /** Breaks off with `interrupted` after so many bytes of a body or changes of a listing. */
  | { readonly does: 'cut'; readonly after: number }
  /** Sends so many bytes of a body and then nothing more. */
  | { readonly does: 'stall'; readonly after: number }
  /** The file becomes another version after so many bytes of it were read. */
  | { readonly does: 'change'; readonly after: number }
  /** A listing that shows nothing at all, as an unmounted disk does. */
  | { readonly does: 'empty' }
  /** A listing that tells everything twice, and backwards. */
  | { readonly does: 'repeat' }

export type Fault = FaultEffect & {
  readonly on: Operation | 'any'
  /** Only at this key or step (`''` is the beginning of a listing); absent: everywhere. */
  readonly at?: string
  /** How many times it happens; absent: until it is taken back. */
  readonly times?: number
}

/** The faults that shape an answer instead of preventing it. */
export type Distortion = Exclude<FaultEffect, { does: 'fail' | 'hang' | 'slow' }>

/** What is to go wrong on a drive, and how often it still does. */
export class Faults {
  readonly #clock: Clock
  readonly #left = new Map<Fault, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The function that comes back takes the fault back. */
  add(fault: Fault): () => void {
    this.#left.set(fault, fault.times ?? Number.POSITIVE_INFINITY)
    return () => this.#left.delete(fault)
  }

  /** Lets happen what is due at this operation; gives what distorts its answer. */
  async meet(on: Operation, at: string, signal: AbortSignal): Promise<readonly Distortion[]> {
    const distortions: Distortion[] = []
    for (const fault of this.#due(on, at)) {
      if (fault.does === 'fail') {
        const { code, retryAfterMs } = fault
        const details = retryAfterMs === undefined ? {} : { retryAfterMs }
        throw new SyncError(code, `The drive was told to fail at ${on} of "${at}".`, details)
      }
      const what = `${on} of "${at}"`
      if (fault.does === 'hang') await untilAborted(signal, what)
      else if (fault.does === 'slow') {
        await abortable(this.#clock.sleep(fault.ms, signal), signal, what)
      } else distortions.push(fault)
    }
    return distortions
  }

  #due(on: Operation, at: string): Fault[] {
    const due: Fault[] = []
    for (const [fault, left] of this.#left) {
      if ((fault.on !== 'any' && fault.on !== on) || (fault.at ?? at) !== at) continue
      due.push(fault)
      if (left > 1) this.#left.set(fault, left - 1)
      else this.#left.delete(fault)
    }
    return due
  }
}
