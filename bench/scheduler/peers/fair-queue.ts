/**
 * Start-time fair queueing (Goyal et al. 1996) for users of equal weight and tasks of equal cost, in memory: whoever's
 * next task has the smallest start tag is served, and a user who comes starts at the present virtual time.
 */
export class FairQueue<T> {
  readonly #lanes = new Map<number, Lane<T>>()
  /** Those with something to serve, by the time they came. */
  #active: Lane<T>[] = []
  /** The start tag of the task that was served last. */
  #virtualTime = 0

  add(user: number, item: T): void {
    let lane = this.#lanes.get(user)
    if (lane === undefined) {
      lane = { items: [], served: 0, start: 0 }
      this.#lanes.set(user, lane)
    }
    if (lane.served === lane.items.length) {
      lane.start = Math.max(lane.start, this.#virtualTime)
      this.#active.push(lane)
    }
    lane.items.push(item)
  }

  /** The next item, or undefined when there is none; looks at every user who has one. */
  take(): T | undefined {
    let next = this.#active[0]
    if (next === undefined) return undefined
    for (const lane of this.#active) if (lane.start < next.start) next = lane
    this.#virtualTime = next.start
    next.start += 1
    const item = next.items[next.served++]
    if (next.served === next.items.length) {
      this.#active = this.#active.filter((lane) => lane !== next)
    }
    return item
  }
}

interface Lane<T> {
  readonly items: T[]
  /** How many of `items` have been served; they are kept, for nobody runs this for long. */
  served: number
  /** Start tag of its next item. */
  start: number
}
