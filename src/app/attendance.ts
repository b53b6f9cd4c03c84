import { inWords } from '../base/duration.ts'
import type { Operations, ProcessStatus } from '../engine/operations.ts'
import type { Policy } from '../engine/policy.ts'
import { maxStalls, type Stall, type TaskStore } from '../engine/task-store.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'

/** Whether anybody does the work, and what an operator is told about it: nobody is named. */
export interface Attendance {
  /** `paused`: by an operator, which is no failure; `unheard`: whoever did it has told nothing lately. */
  readonly state: 'works' | 'paused' | 'unheard' | 'nobody'
  /** False: nobody does the work, and some of it has waited for as long as the stall detector allows. */
  readonly isWell: boolean
  /** A sentence, with what to do next. */
  readonly text: string
}

/** Processes that are looked at. */
const maxProcesses = 1_000

export interface AttendanceParts {
  readonly operations: Pick<Operations, 'processes'>
  readonly tasks: Pick<TaskStore, 'stalls'>
  readonly database: { readonly sql: Pick<SqlDatabase, 'now'> }
  readonly policy: Pick<Policy, 'stallMs'>
}

export async function attendance(parts: AttendanceParts): Promise<Attendance> {
  const { operations, tasks, database, policy } = parts
  const processes = await operations.processes(maxProcesses)
  const nowMs = await database.sql.now()
  const working = of(processes, 'works')
  const paused = of(processes, 'paused')
  const rest = paused.length === 0 ? '' : `; ${paused.length} paused by an operator: ${resume}`
  if (working.length > 0) {
    return { state: 'works', isWell: true, text: `${doTheWork(working.length)}${rest}.` }
  }
  if (paused.length > 0) {
    const text = `Paused by an operator: nothing new begins until somebody resumes it (${resume}).`
    return { state: 'paused', isWell: true, text }
  }
  const silent = of(processes, 'silent').toSorted((a, b) => (b.heardMs ?? 0) - (a.heardMs ?? 0))
  const [last] = silent
  if (last !== undefined) return { state: 'unheard', isWell: true, text: unheard(last, nowMs) }
  return nobody(await tasks.stalls(0), { nowMs, stallMs: policy.stallMs })
}

const resume = 'roundelay process resume'

function of(processes: readonly ProcessStatus[], wanted: ProcessStatus['state']): ProcessStatus[] {
  return processes.filter(({ state }) => state === wanted)
}

function doTheWork(count: number): string {
  return count === 1 ? '1 process does the work' : `${count} processes do the work`
}

function unheard({ heardMs, goneMs }: ProcessStatus, nowMs: number): string {
  const ago = inWords(nowMs - (heardMs ?? nowMs))
  const left = inWords((goneMs ?? nowMs) - nowMs)
  return `No process works now, as far as is heard: the last one spoke ${ago} ago, and is taken for gone in ${left}.`
}

function nobody(
  waiting: readonly Stall[],
  { nowMs, stallMs }: { readonly nowMs: number; readonly stallMs: number },
): Attendance {
  const [longest] = waiting
  if (longest === undefined) {
    const text = `No process works now, and nothing waits for one: ${remedy}.`
    return { state: 'nobody', isWell: true, text }
  }
  const waitedMs = nowMs - longest.sinceMs
  const drives = waiting.length === 1 ? '1 drive waits' : `${countOf(waiting)} drives wait`
  const isWell = waitedMs < stallMs
  const limit = isWell ? ` After ${inWords(stallMs)} that is a failure.` : ''
  const text = `No process works now: ${drives} for one, since ${inWords(waitedMs)}. Start ${remedy}.${limit}`
  return { state: 'nobody', isWell, text }
}

const remedy = 'roundelay serve (on this database, with the role sync), or roundelay sync once'

function countOf({ length }: readonly Stall[]): string {
  return length < maxStalls ? String(length) : `${length} or more`
}

/** What becomes of the slots of processes that ended without a word, one sentence each. */
export function leftBehind(processes: readonly ProcessStatus[], nowMs: number): string[] {
  return processes.flatMap(({ name, state, busy, goneMs }) => {
    if (busy === 0) return []
    const slots = busy === 1 ? '1 slot' : `${busy} slots`
    if (state === 'gone') {
      return [`${name} is gone: what it had in ${slots} goes to whoever works next, at once.`]
    }
    if (state !== 'silent' || goneMs === null) return []
    const left = inWords(goneMs - nowMs)
    return [
      `${name} tells nothing: what it has in ${slots} goes to others in ${left} if that lasts.`,
    ]
  })
}
