/** Somebody brings a drive home, from nothing and then once more; what that took, and what it asked of the server. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant, Run } from './contestant.ts'

/** Where a drive is reached. */
export interface Place {
  /** As in "MPD over the link". */
  readonly name: string
  readonly url: string
  /** How many tracks it holds. */
  readonly tracks: number
  /** What went over the way there so far. */
  readonly count: () => Promise<Traffic>
}

export interface Traffic {
  /** From the server to its clients. */
  readonly bytes: number
  readonly requests: number
  readonly connections: number
}

export interface Entrant {
  readonly name: string
  /** Why it cannot take part, or null. */
  readonly missing: () => string | null
  readonly open: (url: string, tracks: number) => Promise<Contestant>
}

export interface Leg extends Run, Traffic {}

/** Null and a reason where the entrant is missing or failed. */
export type Result =
  | { readonly first: Leg; readonly again: Leg; readonly reason: null }
  | { readonly first: null; readonly again: null; readonly reason: string }

/** Runs `runs` times, each time from nothing; of each leg the run with the median time counts. */
export async function race(
  entrant: Entrant,
  place: Place,
  runs: number,
  note: (text: string) => void,
): Promise<Result> {
  const reason = entrant.missing()
  if (reason !== null) return { first: null, again: null, reason }
  try {
    const firsts: Leg[] = []
    const agains: Leg[] = []
    for (let run = 0; run < runs; run += 1) {
      await using contestant = await entrant.open(place.url, place.tracks)
      const first = await leg(place, contestant.first)
      const again = await leg(place, contestant.again)
      note(`${entrant.name} ${place.name}: first ${described(first)}; again ${described(again)}`)
      firsts.push(first)
      agains.push(again)
    }
    return { first: median(firsts), again: median(agains), reason: null }
  } catch (error) {
    return { first: null, again: null, reason: failure(error) }
  }
}

/** Why there is no number. The other rows are still worth having, so the bench goes on, and ends with a failure. */
export function failure(error: unknown): string {
  process.exitCode = 1
  return error instanceof Error ? error.message : String(error)
}

/** What went over the way to `place` while `run` ran. */
export async function traffic<Answer>(
  place: Place,
  run: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly traffic: Traffic }> {
  const before = await place.count()
  const answer = await run()
  await sleep(settleMs)
  const after = await place.count()
  return {
    answer,
    traffic: {
      bytes: after.bytes - before.bytes,
      requests: after.requests - before.requests,
      connections: after.connections - before.connections,
    },
  }
}

/** A server writes its log after the client has its answer. */
const settleMs = 100

async function leg(place: Place, sync: () => Promise<Run>): Promise<Leg> {
  const { answer, traffic: went } = await traffic(place, sync)
  return { ...answer, ...went }
}

function median(legs: readonly Leg[]): Leg {
  const inOrder = legs.toSorted((a, b) => a.seconds - b.seconds)
  const middle = inOrder[Math.floor((inOrder.length - 1) / 2)]
  if (middle === undefined) throw new Error('Nothing was measured.')
  return middle
}

const described = ({ seconds, cpuMs, requests, bytes, connections }: Leg): string =>
  `${seconds.toFixed(2)} s, ${Math.round(cpuMs)} ms of processor, ${requests} requests, ${(bytes / 1e6).toFixed(2)} MB, ${connections} connections`
