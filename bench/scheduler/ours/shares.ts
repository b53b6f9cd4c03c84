/** What share of the slots users get who always have more to do: real tasks that wait for real timers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultPolicy, planWeights, type Plan } from '../../../src/engine/policy.ts'
import { jainIndex } from '../statistics.ts'
import { addCrowd, stirAll } from './population.ts'
import { SlotTime } from './slot-time.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

/** Users who are all the same. */
export interface Kind {
  readonly users: number
  readonly plan?: Plan
  /** How long each of their tasks waits in its slot, at least. */
  readonly taskMs: number
  /** Owed by each of them: more than they can get done. */
  readonly items: number
}

export interface Contest {
  readonly kinds: readonly Kind[]
  /** Until everybody's window is wide and every lane's cost is known. */
  readonly warmMs: number
  readonly spanMs: number
}

/** What one user got. */
export interface Share {
  readonly kind: Kind
  readonly slotMs: number
  readonly tasks: number
}

/** Jain's index by slot time used; of equal users by the number of their tasks, too. */
export function fairness(contest: Contest): Trial {
  return async (stage) => {
    const shares = await sharesOf(stage, contest)
    const value = jainIndex(shares.map(({ slotMs }) => slotMs))
    const byTasks = jainIndex(shares.map(({ tasks }) => tasks))
    const note = `${value.toFixed(5)} by slot time, ${byTasks.toFixed(5)} by tasks; ${described(contest, shares)}`
    return { value, note }
  }
}

/** What users of weight 3 get over what users of weight 1 get, by slot time. */
export function weighting(contest: Contest): Trial {
  return async (stage) => {
    const shares = await sharesOf(stage, contest)
    const meanOf = (plan: Plan): number =>
      mean(shares.filter(({ kind }) => kind.plan === plan).map(({ slotMs }) => slotMs))
    const value = meanOf('premium') / meanOf('free')
    const wanted = planWeights.premium / planWeights.free
    const off = ((value / wanted - 1) * 100).toFixed(2)
    return { value, note: `${off} % off ${wanted}; ${described(contest, shares)}` }
  }
}

export async function sharesOf(stage: Stage, contest: Contest): Promise<readonly Share[]> {
  const { kinds, warmMs, spanMs } = contest
  const userOf = new Map<number, number>()
  const users: Kind[] = []
  for (const kind of kinds) {
    const first = await addCrowd(stage.sql, kind)
    for (let n = 0; n < kind.users; n++) userOf.set(first + n, users.push(kind) - 1)
  }
  await stirAll(stage.sql)
  await stage.settle()
  const slots = new SlotTime(users.length)
  const engine = await stage.work({
    read: async ({ sourceId }) => {
      const user = userOf.get(sourceId) ?? 0
      const end = slots.begin(user, performance.now())
      await sleep(users[user]?.taskMs ?? 0)
      end(performance.now())
    },
  })
  await sleep(warmMs)
  slots.restart(performance.now())
  await sleep(spanMs)
  const usedMs = slots.usedMs(performance.now())
  const { tasks } = slots
  await engine.stop(0)
  await refuseIdlers(stage)
  return users.map((kind, user) => ({
    kind,
    slotMs: usedMs[user] ?? 0,
    tasks: tasks[user] ?? 0,
  }))
}

/** Who ran out of work had a smaller share by his own doing. */
async function refuseIdlers({ sql }: Stage): Promise<void> {
  const idler = await sql.get(
    `select id from source where not exists
       (select 1 from item where item.source_id = source.id and item.state = 1) limit 1`,
  )
  if (idler !== undefined) throw new Error('Somebody had nothing left to do: no share is fair.')
}

function described({ kinds, spanMs }: Contest, shares: readonly Share[]): string {
  const slots = defaultPolicy.slots.read
  const busy = sum(shares.map(({ slotMs }) => slotMs)) / (slots * spanMs)
  const each = kinds.map((kind) => {
    const own = shares.filter((share) => share.kind === kind)
    const slotMs = Math.round(mean(own.map((share) => share.slotMs)))
    const tasks = Math.round(mean(own.map((share) => share.tasks)))
    return `${kind.users} users with tasks of ${kind.taskMs} ms (${kind.plan ?? 'free'}): ${tasks} tasks and ${slotMs} ms each`
  })
  return `${each.join(', ')}; ${Math.round(busy * 100)} % of ${slots} slots busy for ${spanMs / 1000} s`
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
