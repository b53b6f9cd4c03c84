import { setMaxListeners } from 'node:events'
import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Handler } from './handler.ts'
import { Inbox, type Letter } from './inbox.ts'
import type { Policy } from './policy.ts'
import { failureOf, run } from './runner.ts'
import type { Source } from './source.ts'
import type { Ack, FreeSlots, TaskStore } from './task-store.ts'
import { type Claim, type Failure, type Found, type Pool, pools, type Result } from './task.ts'

/** Told of everything that happens, in its order. Must not throw and must return at once. */
export interface Observer {
  claimed?(claim: Claim): void
  /** `isHeld` false: the result came too late and was refused. */
  ended?(claim: Claim, result: Result, isHeld: boolean): void
  /** The lease has passed, and the task has not ended: its slot is free, what it brings later is refused. */
  expired?(claim: Claim): void
  checked?(sourceId: number, isWell: boolean): void
  /** A turn is over: its claims have been told and its results are durable. `tookMs` is the time in the store. */
  turned?(tookMs: number, results: number): void
}

export interface EngineParts {
  readonly store: TaskStore
  readonly handler: Handler
  readonly sourceOf: (sourceId: number) => Promise<Source>
  readonly policy: Policy
  readonly clock: Clock
  readonly log: Log
  readonly observer: Observer
}

interface Running {
  readonly claim: Claim
  readonly controller: AbortController
  readonly startedMs: number
  /** Calls off what was to happen at the end of the lease. */
  disarm: () => void
}

/**
 * Takes turns for as long as it lives: hands results to the store, and runs what the store hands out.
 * It knows no fairness, no rounds and no retries: those are the store's rows.
 */
export class Engine {
  readonly #parts: EngineParts
  readonly #inbox: Inbox
  readonly #running = new Map<number, Running>()
  #isDraining = false
  #refusal: Failure | null = null
  /** How far the store's clock is ahead of ours, in milliseconds. */
  #aheadMs = 0
  #loop: Promise<void> | null = null

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#inbox = new Inbox(parts.clock)
  }

  async start(): Promise<void> {
    await this.#parts.store.open()
    this.#loop = this.#takeTurns()
  }

  /** Somebody changed what is owed or due. */
  wake(): void {
    this.#inbox.wake()
  }

  /** Tasks in slots now. */
  get running(): number {
    return this.#running.size
  }

  /** Why the store refused the last turn; null when it did not. What was to be written is kept meanwhile. */
  get refusal(): Failure | null {
    return this.#refusal
  }

  /** Claims no more; lets tasks finish for `drainMs`, then gives them back; returns when all is written. */
  async stop(drainMs: number): Promise<void> {
    if (this.#loop === null) return
    this.#isDraining = true
    this.#inbox.wake()
    const cancel = this.#parts.clock.after(drainMs, () => {
      for (const { controller } of this.#running.values()) controller.abort(drained)
    })
    await this.#loop
    cancel()
    this.#loop = null
    await this.#parts.store.close()
  }

  async #takeTurns(): Promise<void> {
    const { clock, store, observer, log } = this.#parts
    let failures = 0
    while (!this.#isDraining || this.#running.size > 0 || this.#inbox.size > 0) {
      const letters = this.#inbox.take()
      const startedMs = clock.elapsed()
      const askedMs = clock.now()
      try {
        const turn = await store.turn(
          letters.map((letter) => letter.result),
          this.#free(letters),
        )
        failures = 0
        this.#refusal = null
        this.#aheadMs = turn.nowMs - askedMs
        for (const [index, letter] of letters.entries()) this.#deliver(letter, turn.acks[index])
        for (const claim of turn.claims) this.#launch(claim)
        for (const sourceId of turn.checks) void this.#check(sourceId)
        observer.turned?.(clock.elapsed() - startedMs, letters.length)
        const nextMs = turn.nextMs === null ? null : turn.nextMs - this.#aheadMs
        await this.#inbox.wait(nextMs, () => this.#running.size)
      } catch (error) {
        // The store refused (disk full, locked): what was to be written is kept and tried again, until its lease ends.
        failures++
        this.#refusal = failureOf(error)
        log.error({ ...this.#refusal, failures }, 'the store refused a turn')
        this.#inbox.putBack(letters)
        if (this.#isDraining && failures > maxDrainFailures) return
        await clock.sleep(Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(failures, 10)))
      }
    }
  }

  #deliver({ result, deliver }: Letter, ack: Ack = { isHeld: false }): void {
    // Now, and not when its task hears of it: the inbox waits for a part of those that run.
    if (isEnd(result)) this.#running.delete(result.claim.fence)
    deliver(ack)
  }

  /** Slots that this turn may fill: those of the tasks whose results it writes are free again. */
  #free(letters: readonly Letter[]): FreeSlots {
    if (this.#isDraining) return {}
    const taken = { list: 0, read: 0, cpu: 0, peer: 0 }
    for (const { claim } of this.#running.values()) taken[claim.pool]++
    for (const { result } of letters) {
      if (isEnd(result) && this.#running.has(result.claim.fence)) taken[result.claim.pool]--
    }
    const free: Partial<Record<Pool, number>> = {}
    for (const pool of pools) free[pool] = (this.#parts.policy.slots[pool] ?? 0) - taken[pool]
    return free
  }

  #launch(claim: Claim): void {
    const { clock, observer } = this.#parts
    const controller = new AbortController()
    // Whoever reads several things at once listens several times; more than so many would be a leak.
    setMaxListeners(maxListeners, controller.signal)
    const running: Running = {
      claim,
      controller,
      startedMs: clock.elapsed(),
      disarm: () => undefined,
    }
    this.#arm(running, claim.untilMs)
    this.#running.set(claim.fence, running)
    observer.claimed?.(claim)
    void this.#finish(running)
  }

  /** What happens at the end of a lease, which may have been extended. */
  #arm(running: Running, untilMs: number): void {
    const { clock, policy, observer } = this.#parts
    const { claim, controller } = running
    running.disarm()
    const leftMs = untilMs - this.#aheadMs - clock.now()
    const graceMs = Math.min(policy.graceMs, Math.max(0, leftMs))
    running.disarm = clock.after(Math.max(0, leftMs - graceMs), () => {
      // Whoever ignores its signal loses the slot all the same; what it brings later finds no fence.
      running.disarm = clock.after(graceMs, () => {
        this.#running.delete(claim.fence)
        observer.expired?.(claim)
        this.#inbox.wake()
      })
      controller.abort(new SyncError('timeout', 'The task did not end within its time.'))
    })
  }

  async #finish(running: Running): Promise<void> {
    const { clock, observer, log } = this.#parts
    const { claim, controller, startedMs } = running
    const store = async (found: Found): Promise<Ack> => {
      const ack = await this.#inbox.post(found)
      // Also when it has been told to stop meanwhile: the slot is taken for so long.
      if (ack.untilMs !== undefined && this.#running.has(claim.fence))
        this.#arm(running, ack.untilMs)
      return ack
    }
    const { handler, sourceOf } = this.#parts
    const outcome = await run(claim, { log, handler, sourceOf, store }, controller.signal)
    running.disarm()
    const isGivenBack = outcome.type === 'failed' && controller.signal.reason === drained
    const usedMs = clock.elapsed() - startedMs
    // Outcome and claim are of the same kind: `run` made one from the other.
    const result = (
      isGivenBack ? { type: 'released', claim, usedMs } : { ...outcome, claim, usedMs }
    ) as Result
    const isAwaited = this.#running.has(claim.fence)
    const ack = isAwaited ? await this.#inbox.post(result) : { isHeld: false }
    if (ack.failure !== undefined)
      log.error({ ...ack.failure, source: claim.sourceId }, 'a fault of ours')
    const told = ack.failure === undefined ? result : failedWith(result, ack.failure)
    observer.ended?.(claim, told, ack.isHeld)
    if (this.#isDraining) this.#inbox.wake()
  }

  async #check(sourceId: number): Promise<void> {
    const { clock, policy, observer, sourceOf } = this.#parts
    const controller = new AbortController()
    const late = new SyncError('timeout', 'The source did not answer its check in time.')
    let cancel = (): void => undefined
    // Whoever ignores its signal is not waited for.
    const overdue = new Promise<Failure>((resolve) => {
      cancel = clock.after(policy.checkMs, () => {
        resolve(failureOf(late))
        controller.abort(late)
      })
    })
    const asked = sourceOf(sourceId)
      .then((source) => source.check(controller.signal))
      .then(() => null, failureOf)
    const failure = await Promise.race([asked, overdue])
    cancel()
    await this.#inbox.post({ type: 'checked', sourceId, failure })
    observer.checked?.(sourceId, failure === null)
  }
}

/** A result that ends its task. */
function isEnd(result: Result): result is Exclude<Result, { type: 'found' | 'checked' }> {
  return result.type !== 'found' && result.type !== 'checked'
}

/** What became of a result that could not be written. */
function failedWith(result: Result, failure: Failure): Result {
  if (!isEnd(result)) return result
  return { type: 'failed', claim: result.claim, usedMs: result.usedMs, failure }
}

/** Waits of one task that its signal may end at the same time. */
const maxListeners = 64

const drained = new SyncError('cancelled', 'The process is stopping.')

/** Pauses after a store that refused: doubled each time. */
const firstPauseMs = 50
const maxPauseMs = 5_000
/** A store that goes on refusing does not keep a process from stopping. */
const maxDrainFailures = 5
