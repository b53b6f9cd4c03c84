import { Gauge, type Registry as MetricsRegistry } from 'prom-client'
import type { Clock } from '../base/clock.ts'
import type { NodeStatus } from '../content/deploying.ts'
import type { NodeFacts, PeerStanding } from '../content/node-facts.ts'
import { within } from '../http/deadline.ts'

export interface NodeFiguresParts {
  readonly facts: Pick<NodeFacts, 'peers'>
  readonly status: () => Pick<NodeStatus, 'state'>
  /** The newest local time, in milliseconds since 1970; 0: nothing has been deployed. */
  readonly newestMs: () => Promise<number>
  readonly clock: Clock
  readonly metrics: MetricsRegistry
}

/** Milliseconds that the database may take. */
const maxLookMs = 1_500
const states: readonly PeerStanding['state'][] = [
  'bootstrapping',
  'following',
  'unreachable',
  'stopped',
  'paused',
]

/**
 * Figures of a content node, looked up when they are asked for; those of the database are left out when it does not answer
 * in time.
 */
export class NodeFigures {
  readonly #parts: NodeFiguresParts
  readonly #caughtUp: Gauge
  readonly #peers: Gauge<'state'>
  readonly #lag: Gauge
  readonly #failed: Gauge
  readonly #newest: Gauge

  constructor(parts: NodeFiguresParts) {
    this.#parts = parts
    const registers = [parts.metrics]
    this.#caughtUp = new Gauge({
      name: 'content_caught_up',
      help: 'Whether the node takes deployments of clients: 1 once it has caught up with its peers.',
      registers,
    })
    this.#peers = new Gauge({
      name: 'content_peers',
      help: 'Peers by how they stand.',
      labelNames: ['state'],
      registers,
    })
    this.#lag = new Gauge({
      name: 'content_peer_lag_seconds',
      help: 'Of the peers that are followed, the longest time since all that one had was read to its end.',
      registers,
    })
    this.#failed = new Gauge({
      name: 'content_deployments_failed',
      help: 'Deployments that peers offered and that could not be made until now; they are tried again.',
      registers,
    })
    this.#newest = new Gauge({
      name: 'content_newest_deployment_seconds',
      help: 'When something was deployed here last, in seconds since 1970.',
      registers,
    })
  }

  /** Looks everything up anew, within `maxLookMs`. Never throws. */
  async look(): Promise<void> {
    const { clock, status } = this.#parts
    this.#caughtUp.set(status().state === 'Syncing' ? 1 : 0)
    const deadline = { clock, ms: maxLookMs, what: 'Looking up the figures of the node' }
    try {
      await within(deadline, () => this.#show())
    } catch {
      // `sync_database_up` says so.
      this.#peers.reset()
      for (const gauge of [this.#lag, this.#failed, this.#newest]) gauge.remove()
    }
  }

  async #show(): Promise<void> {
    const { facts, newestMs, clock } = this.#parts
    const peers = await facts.peers()
    this.#newest.set((await newestMs()) / 1_000)
    for (const state of states)
      this.#peers.set({ state }, peers.filter((peer) => peer.state === state).length)
    this.#failed.set(peers.reduce((sum, { failed }) => sum + failed, 0))
    const levels = peers.flatMap(({ state, levelMs }) =>
      state === 'following' && levelMs !== null ? levelMs : [],
    )
    this.#lag.set(Math.max(0, ...levels.map((levelMs) => clock.now() - levelMs)) / 1_000)
  }
}
