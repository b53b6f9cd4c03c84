/** Claims a second where very many lanes have something to run. */
import { addCrowd, openLanes } from './population.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

export interface Lanes {
  readonly lanes: number
  /** Owed by each: none of them falls asleep while it is measured. */
  readonly items: number
  /** Claims before it is measured, so that plans and pages are warm. */
  readonly warm: number
  readonly claims: number
  /** The lanes' turns are in no order of their numbers. */
  readonly isShuffled?: boolean
}

/** Each claim with its task that does nothing and the result that it brings. */
export function claiming(options: Lanes): Trial {
  return async (stage) => {
    const { lanes, claims } = options
    const seconds = await secondsOf(stage, options)
    const value = claims / seconds
    return {
      value,
      note: `${Math.round(value)} claims/s at ${lanes} lanes, over ${claims} claims`,
    }
  }
}

export async function secondsOf(stage: Stage, options: Lanes): Promise<number> {
  const { lanes, items, warm, claims, isShuffled = false } = options
  await addCrowd(stage.sql, { users: lanes, items })
  await openLanes(stage.sql, { isShuffled })
  await stage.settle()
  let claimed = 0
  let startMs = 0
  let finish = (): void => undefined
  const over = new Promise<void>((resolve) => {
    finish = resolve
  })
  const engine = await stage.work({
    read: async () => undefined,
    observer: {
      claimed: () => {
        if (++claimed === warm) startMs = performance.now()
        if (claimed === warm + claims) finish()
      },
    },
  })
  await over
  const seconds = (performance.now() - startMs) / 1000
  await engine.stop(0)
  return seconds
}
