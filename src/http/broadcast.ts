import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { LiveStatus } from './live-status.ts'
import { Pace } from './pace.ts'
import { Refusal } from './problem.ts'
import type { Progress } from './progress.ts'
import { readStatus, type StatusParts, type StatusQuery } from './status.ts'

export interface BroadcastParts extends StatusParts {
  readonly progress: Progress
  readonly clock: Clock
  readonly log: Log
}

export interface Watcher {
  /** Called when the watcher takes nothing for `stuckMs`. */
  readonly onStuck: () => void
  /** Aborted when the watcher leaves, which every one has to do in the end. */
  readonly signal: AbortSignal
}

interface Channel {
  readonly live: LiveStatus
  watchers: number
}

/**
 * The status, live. Who asks the same question watches the same channel; it is there as long as somebody watches. All
 * channels together read at one pace.
 */
export class Broadcast {
  readonly #parts: BroadcastParts
  readonly #channels = new Map<string, Channel>()
  readonly #watchers = new Set<AbortController>()
  readonly #pace: Pace

  constructor(parts: BroadcastParts) {
    this.#parts = parts
    this.#pace = new Pace(parts.clock)
  }

  /**
   * Server-sent events (HTML Living Standard, section 9.2) until the watcher leaves or the broadcast closes: an event
   * `status` at once and whenever the status is another, a comment after `heartbeatMs` without one. The next event is
   * made only when it is asked for, from what holds then. Throws a Refusal when too many watch.
   */
  watch(query: StatusQuery, { onStuck, signal }: Watcher): AsyncGenerator<string> {
    if (this.#watchers.size >= maxWatchers) {
      throw new Refusal('too-many-watchers', `${maxWatchers} live views are open already.`)
    }
    const watcher = new AbortController()
    const { live, leave } = this.#join(query)
    this.#watchers.add(watcher)
    const end = (): void => {
      watcher.abort()
      if (this.#watchers.delete(watcher)) leave()
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    return events({ live, clock: this.#parts.clock, onStuck, signal: watcher.signal })
  }

  /** Ends every stream after the event it is at. */
  close(): void {
    for (const watcher of this.#watchers) watcher.abort()
  }

  #join(query: StatusQuery): { live: LiveStatus; leave: () => void } {
    const key = JSON.stringify([query.user, query.after, query.limit])
    const channel = this.#channels.get(key) ?? { live: this.#liveStatus(query), watchers: 0 }
    this.#channels.set(key, channel)
    channel.watchers++
    const leave = (): void => {
      channel.watchers--
      if (channel.watchers > 0) return
      channel.live.stop()
      this.#channels.delete(key)
    }
    return { live: channel.live, leave }
  }

  #liveStatus(query: StatusQuery): LiveStatus {
    const { progress, clock, log } = this.#parts
    const read = async (): Promise<string> => JSON.stringify(await readStatus(this.#parts, query))
    return new LiveStatus({ read, progress, pace: this.#pace, clock, log })
  }
}

interface EventsParts extends Watcher {
  readonly live: LiveStatus
  readonly clock: Clock
}

async function* events({ live, clock, onStuck, signal }: EventsParts): AsyncGenerator<string> {
  yield `retry: ${reconnectMs}\n\n`
  let seen = 0
  while (!signal.aborted) {
    const version = await live.next(seen, heartbeatMs, signal)
    if (signal.aborted) return
    seen = version?.number ?? seen
    const cancel = clock.after(stuckMs, onStuck)
    try {
      // Comes back when there is room for another one.
      yield version === null ? ': still here\n\n' : `event: status\ndata: ${version.text}\n\n`
    } finally {
      cancel()
    }
  }
}

/** Live views open at the same time. */
export const maxWatchers = 64
/** Milliseconds of silence after which a comment shows that the connection is alive. */
export const heartbeatMs = 15_000
/** Milliseconds after which a client that takes nothing is let go. */
export const stuckMs = 60_000
/** Milliseconds after which a browser comes back when the connection broke. */
const reconnectMs = 2_000
