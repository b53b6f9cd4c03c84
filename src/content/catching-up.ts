import type { Clock } from '../base/clock.ts'
import type { ContentStore } from './content-store.ts'
import type { NodeState } from './deploying.ts'

/** How far a peer has been followed. */
export interface PeerProgress {
  /** All of it was gone through once. */
  readonly isCaughtUp: boolean
  /** It does not answer, or needs a person: nobody waits for it. */
  readonly isUnwell: boolean
}

export interface CatchingUpParts {
  readonly facts: Pick<ContentStore, 'fact' | 'setFact'>
  readonly clock: Clock
  /** All peers, as far as is known. */
  readonly peers: () => Promise<readonly PeerProgress[]>
  /** The operator says that there is nothing to catch up with. */
  readonly isFirst: boolean
  /** Called once, when the node has just caught up for the first time. */
  readonly onCaughtUp?: () => void
}

/** The state is looked at so often until the node has caught up, in milliseconds. */
const lookMs = 500
/** A fact that is there once the node has caught up. */
export const caughtUpFact = 'caught up'

/**
 * Whether the node has caught up once with its peers: all that answer have been gone through, and one at least. It is
 * remembered, also where the operator says so: a node whose peers are all gone goes on. Who has no peers is not caught up
 * by that: he may have been started without their names.
 */
export class CatchingUp {
  readonly #parts: CatchingUpParts
  readonly #end = new AbortController()
  #state: NodeState = 'Bootstrapping'
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: CatchingUpParts) {
    this.#parts = parts
  }

  get state(): NodeState {
    return this.#state
  }

  async start(): Promise<void> {
    const { facts, isFirst } = this.#parts
    if (isFirst) await facts.setFact(caughtUpFact, 'first node')
    if (isFirst || (await facts.fact(caughtUpFact)) !== null) this.#state = 'Syncing'
    else this.#loop = this.#watch()
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#loop
  }

  async #watch(): Promise<void> {
    const { clock } = this.#parts
    const { signal } = this.#end
    while (!signal.aborted && !(await this.#look())) {
      await clock.sleep(lookMs, signal).catch(() => undefined)
    }
  }

  async #look(): Promise<boolean> {
    const { facts, peers } = this.#parts
    try {
      // Another process may have found out.
      const isKnown = (await facts.fact(caughtUpFact)) !== null
      if (!isKnown && !hasCaughtUp(await peers())) return false
      if (!isKnown) await facts.setFact(caughtUpFact, 'yes')
    } catch {
      // The database is away: the next look tells.
      return false
    }
    this.#state = 'Syncing'
    this.#parts.onCaughtUp?.()
    return true
  }
}

function hasCaughtUp(peers: readonly PeerProgress[]): boolean {
  const isAny = peers.some(({ isCaughtUp }) => isCaughtUp)
  return isAny && peers.every(({ isCaughtUp, isUnwell }) => isCaughtUp || isUnwell)
}
