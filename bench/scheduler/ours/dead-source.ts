/** What a source that dies costs the others: slots while its breaker is closed, throughput once it is open. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SyncError } from '../../../src/base/errors.ts'
import { defaultPolicy } from '../../../src/engine/policy.ts'
import { addCrowd, stirAll } from './population.ts'
import { emptySource } from './sources.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

export interface Death {
  /** How long a healthy source takes for a task. */
  readonly taskMs: number
  /** After so long the dead one has not answered, and is given up as its drive does; zero: it refuses at once. */
  readonly silentMs: number
  /** Owed by each source. */
  readonly items: number
  readonly warmMs: number
  /** Throughput is measured over so long: without the dead source, with it once it rests, and without it again. */
  readonly spanMs: number
}

export interface Damage {
  /** Tasks a second of the nine. */
  readonly withoutRate: number
  readonly untilTripRate: number
  readonly restingRate: number
  /** The most slots that the dead one had at once. */
  readonly slots: number
  readonly tripMs: number
}

const healthySources = 9

/** Per cent of the throughput without it; where it dies in several ways, of the worst. */
export function dying(deaths: readonly Death[]): Trial {
  return async (stage) => {
    const found: { readonly value: number; readonly note: string }[] = []
    for (const death of deaths) found.push(described(death, await damageOf(stage, death)))
    return {
      value: Math.min(...found.map(({ value }) => value)),
      note: found.map(({ note }) => note).join('; '),
    }
  }
}

function described(
  { silentMs }: Death,
  damage: Damage,
): { readonly value: number; readonly note: string } {
  const { withoutRate, untilTripRate, restingRate, slots, tripMs } = damage
  const value = (100 * restingRate) / withoutRate
  const how = silentMs === 0 ? 'refuses' : `is silent for ${silentMs} ms a task`
  const note = `it ${how}: ${Math.round(withoutRate)} tasks/s of the others without it, ${Math.round(untilTripRate)} until its breaker trips after ${Math.round(tripMs)} ms with at most ${slots} slots, ${Math.round(restingRate)} then`
  return { value, note }
}

export async function damageOf(stage: Stage, death: Death): Promise<Damage> {
  const { sql, registry } = stage
  const { taskMs, silentMs, items, warmMs, spanMs } = death
  const first = await addCrowd(sql, { users: healthySources + 1, items })
  const dead = first + healthySources
  await stirAll(sql)
  await stage.settle()
  await registry.setPaused(dead, true)
  const seen = { ended: 0, held: 0, most: 0 }
  const die = async (signal: AbortSignal): Promise<never> => {
    if (silentMs === 0) throw new SyncError('unreachable', 'The source refuses.')
    await sleep(silentMs, undefined, { signal })
    throw new SyncError('timeout', 'The source is silent.')
  }
  const engine = await stage.work({
    sourceOf: (id) => (id === dead ? { ...emptySource, check: die } : emptySource),
    read: async ({ sourceId }, signal) => {
      if (sourceId !== dead) {
        await sleep(taskMs)
        seen.ended++
        return
      }
      seen.most = Math.max(seen.most, ++seen.held)
      await die(signal).finally(() => seen.held--)
    },
  })
  const rateOver = async (wait: () => Promise<unknown>): Promise<number> => {
    const [startMs, before] = [performance.now(), seen.ended]
    await wait()
    return (1000 * (seen.ended - before)) / (performance.now() - startMs)
  }
  await sleep(warmMs)
  const before = await rateOver(() => sleep(spanMs))
  await registry.setPaused(dead, false)
  const startMs = performance.now()
  const untilTripRate = await rateOver(() => tripped(stage, dead))
  const tripMs = performance.now() - startMs
  const restingRate = await rateOver(() => sleep(spanMs))
  await registry.setPaused(dead, true)
  const after = await rateOver(() => sleep(spanMs))
  await engine.stop(0)
  // The next death finds this crowd asleep.
  await sql.run('update source set is_paused = 1')
  await stirAll(sql)
  return {
    withoutRate: (before + after) / 2,
    untilTripRate,
    restingRate,
    slots: seen.most,
    tripMs,
  }
}

async function tripped({ sql }: Stage, sourceId: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < longestTripMs; waitedMs += lookMs) {
    const rests = await sql.get('select 1 from source where id = ? and health = 1', sourceId)
    if (rests !== undefined) return
    await sleep(lookMs)
  }
  throw new Error('The breaker of the dead source did not trip.')
}

const lookMs = 20
/** Each of the failures that it takes may need a whole lease. */
const longestTripMs = defaultPolicy.maxFailures * defaultPolicy.leaseMs
