import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Batch } from '../../engine/source.ts'

export interface Beating {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Done before each beat. */
  readonly onBeat?: () => Promise<unknown>
}

/** Milliseconds between two beats: several within a lease. */
const beatMs = 20_000

/**
 * What a part of a step gives that may take longer than a lease, and an empty batch every now and then until it does: a
 * step of which something is heard keeps its slot. Where the step is left before, the work is called off.
 */
export async function* withBeats<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, signal, onBeat }: Beating,
): AsyncGenerator<Batch, T, undefined> {
  const left = new AbortController()
  const result = work(AbortSignal.any([signal, left.signal])).then((value) => ({ value }))
  // Heard of below, or by nobody where the step was left.
  result.catch(() => undefined)
  try {
    for (;;) {
      const done = await withinBeat(result, clock)
      if (done !== null) return done.value
      await onBeat?.()
      yield { changes: [] }
    }
  } finally {
    left.abort(new SyncError('cancelled', 'The step was left before its work was done.'))
  }
}

/** Null: it takes longer than a beat. */
async function withinBeat<T>(result: Promise<T>, clock: Clock): Promise<T | null> {
  let cancel = (): void => undefined
  const beat = new Promise<null>((resolve) => {
    cancel = clock.after(beatMs, () => resolve(null))
  })
  return Promise.race([result, beat]).finally(() => cancel())
}
