import { Counter, Gauge, Histogram, Registry as MetricsRegistry } from 'prom-client'
import type { Log } from '../base/log.ts'
import type { Observer } from '../engine/engine.ts'
import type { Policy } from '../engine/policy.ts'
import type { Claim, Result } from '../engine/task.ts'

/** Seconds; a turn is a few milliseconds unless the disk is slow. */
const turnBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
/** Seconds; from a file in the next room to a drive on its last legs. */
const taskBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

/** What happens, told once: each event is a log line and a figure. No user, file or address is ever a label. */
export class Events implements Observer {
  readonly metrics = new MetricsRegistry()
  readonly #log: Log
  /** Fences of the tasks in slots. */
  readonly #held = new Set<number>()
  /** Sources whose work was given up, until something of them is written again. */
  readonly #over = new Set<number>()
  readonly #started: Counter<'kind'>
  readonly #ended: Counter<'kind' | 'outcome' | 'code'>
  readonly #refused: Counter<'kind'>
  readonly #expired: Counter<'kind'>
  readonly #running: Gauge<'pool'>
  readonly #free: Gauge<'pool'>
  readonly #taskSeconds: Histogram<'kind'>
  readonly #turnSeconds: Histogram
  readonly #checks: Counter<'outcome'>
  readonly #listed: Counter

  constructor(log: Log, slots: Policy['slots']) {
    this.#log = log
    const registers = [this.metrics]
    this.#started = new Counter({
      name: 'sync_tasks_started_total',
      help: 'Tasks that got a slot.',
      labelNames: ['kind'],
      registers,
    })
    this.#ended = new Counter({
      name: 'sync_tasks_ended_total',
      help: 'Tasks that ended, by what became of them.',
      labelNames: ['kind', 'outcome', 'code'],
      registers,
    })
    this.#refused = new Counter({
      name: 'sync_tasks_refused_total',
      help: 'Results that came after their lease and were not written.',
      labelNames: ['kind'],
      registers,
    })
    this.#expired = new Counter({
      name: 'sync_leases_expired_total',
      help: 'Tasks that did not end within their lease: their slot was taken back.',
      labelNames: ['kind'],
      registers,
    })
    this.#running = new Gauge({
      name: 'sync_slots_busy',
      help: 'Slots in use.',
      labelNames: ['pool'],
      registers,
    })
    this.#free = new Gauge({
      name: 'sync_slots_free',
      help: 'Slots of this process that are not in use.',
      labelNames: ['pool'],
      registers,
    })
    for (const [pool, count] of Object.entries(slots)) {
      this.#running.set({ pool }, 0)
      this.#free.set({ pool }, count)
    }
    this.#taskSeconds = new Histogram({
      name: 'sync_task_seconds',
      help: 'Slot time of tasks.',
      labelNames: ['kind'],
      buckets: taskBuckets,
      registers,
    })
    this.#turnSeconds = new Histogram({
      name: 'sync_turn_seconds',
      help: 'Time in the store of one turn: results written, slots given.',
      buckets: turnBuckets,
      registers,
    })
    this.#checks = new Counter({
      name: 'sync_source_checks_total',
      help: 'Checks of resting sources.',
      labelNames: ['outcome'],
      registers,
    })
    this.#listed = new Counter({
      name: 'sync_items_listed_total',
      help: 'Items that listings showed and the library wants.',
      registers,
    })
  }

  claimed(claim: Claim): void {
    this.#started.inc({ kind: claim.kind })
    this.#held.add(claim.fence)
    this.#running.inc({ pool: claim.pool })
    this.#free.dec({ pool: claim.pool })
    this.#log.debug(fieldsOf(claim), 'a task starts')
  }

  ended(claim: Claim, result: Result, isHeld: boolean): void {
    const isInTime = this.#leave(claim)
    if (!isHeld) {
      this.#refused.inc({ kind: claim.kind })
      if (!isInTime) this.#log.warn(fieldsOf(claim), 'a result came too late and was refused')
      else this.#givenUp(claim)
      return
    }
    this.#over.delete(claim.sourceId)
    const failure = 'failure' in result ? result.failure : null
    this.#ended.inc({ kind: claim.kind, outcome: result.type, code: failure?.code ?? '' })
    if ('usedMs' in result) this.#taskSeconds.observe({ kind: claim.kind }, result.usedMs / 1_000)
    if ('items' in result) this.#listed.inc(result.items.length)
    if (failure === null) this.#log.debug(fieldsOf(claim), 'a task is done')
    else this.#log.info({ ...fieldsOf(claim), ...failure }, 'a task failed')
  }

  expired(claim: Claim): void {
    this.#leave(claim)
    this.#expired.inc({ kind: claim.kind })
    this.#log.warn(fieldsOf(claim), 'a task did not end within its lease: its slot is taken back')
  }

  checked(sourceId: number, isWell: boolean): void {
    this.#checks.inc({ outcome: isWell ? 'well' : 'failed' })
    this.#log.info({ source: sourceId, isWell }, 'a resting source was checked')
  }

  turned(tookMs: number): void {
    this.#turnSeconds.observe(tookMs / 1_000)
  }

  /** The slot is free again, at the end of its task or of its lease, whatever comes first. True: it was still taken. */
  #leave({ fence, pool }: Claim): boolean {
    if (!this.#held.delete(fence)) return false
    this.#running.dec({ pool })
    this.#free.inc({ pool })
    return true
  }

  /** Told once a source, and not for each of its slots. */
  #givenUp(claim: Claim): void {
    const isTold = this.#over.has(claim.sourceId)
    this.#over.add(claim.sourceId)
    const { source, owner } = fieldsOf(claim)
    if (isTold) this.#log.debug(fieldsOf(claim), 'a result was not wanted any more')
    else this.#log.info({ source, owner }, givenUp)
  }
}

/** By a person; or another process has taken it over, who believed this one to be gone. */
const givenUp =
  'the work under way on a source was given up: it was restarted or removed, or another process has taken it over'

function fieldsOf(claim: Claim): Record<string, unknown> {
  const { kind, sourceId, ownerId, fence } = claim
  return { kind, source: sourceId, owner: ownerId, fence }
}
