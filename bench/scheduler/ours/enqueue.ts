/** Work comes to be owed, as listings bring it: full batches, each stored in a turn, while the first of it is read. */
import { setTimeout as sleep } from 'node:timers/promises'
import { addCrowd } from './population.ts'
import { fullSource } from './sources.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

export interface Listings {
  /** Of a user each; all are listed at the same time. */
  readonly sources: number
  /** Of each. */
  readonly items: number
}

export interface Stored {
  readonly seconds: number
  /** Tasks in slots when the last item was stored. */
  readonly begun: number
  /** Resident, before anything is listed, after a tenth, and at most. */
  readonly bytes: { readonly before: number; readonly tenth: number; readonly most: number }
}

/** Items a second until all are owed. */
export function enqueueing(listings: Listings): Trial {
  return async (stage) => {
    const total = listings.sources * listings.items
    const { seconds, begun, bytes } = await storedOf(stage, listings)
    const megabytes = (size: number): string => `${Math.round(size / 1e6)} MB`
    const memory = `memory ${megabytes(bytes.before)} at first, ${megabytes(bytes.tenth)} after a tenth, ${megabytes(bytes.most)} at most`
    const note = `${total} items of ${listings.sources} sources in ${seconds.toFixed(1)} s, ${begun} tasks begun; ${memory}`
    return { value: total / seconds, note }
  }
}

export async function storedOf(stage: Stage, { sources, items }: Listings): Promise<Stored> {
  const { sql } = stage
  const total = sources * items
  await addCrowd(sql, { users: sources, items: 0 })
  await sql.run('update source set due_ms = ?', await sql.now())
  const memory = new Memory()
  let begun = 0
  let ended = 0
  let stored = 0
  const startMs = performance.now()
  const over = new Promise<void>((resolve, reject) => {
    void stage
      .work({
        // What is read first stays in its slot until everything is stored.
        policy: { leaseMs: longestMs },
        sourceOf: () => fullSource(items),
        read: async (_item, signal) => {
          begun++
          await sleep(longestMs, undefined, { signal, ref: false })
        },
        observer: {
          turned: (_ms, results) => {
            stored += results
            memory.look()
            if (stored * batchItems >= total / 10) memory.noteTenth()
          },
          ended: (_claim, { type }) => {
            if (type !== 'listed') reject(new Error(`A listing ended with ${type}.`))
            else if (++ended === sources) resolve()
          },
        },
      })
      .catch(reject)
  })
  await over
  const seconds = (performance.now() - startMs) / 1000
  const owed = await sql.get<{ count: number }>(
    'select count(*) as count from item where state = 1',
  )
  if (owed?.count !== total) throw new Error(`${owed?.count} of ${total} items are owed.`)
  return { seconds, begun, bytes: memory.bytes }
}

const longestMs = 1_800_000
const batchItems = 1_000

class Memory {
  readonly #before = process.memoryUsage.rss()
  #tenth = 0
  #most = this.#before

  look(): void {
    this.#most = Math.max(this.#most, process.memoryUsage.rss())
  }

  noteTenth(): void {
    if (this.#tenth === 0) this.#tenth = this.#most
  }

  get bytes(): Stored['bytes'] {
    return { before: this.#before, tenth: this.#tenth, most: this.#most }
  }
}
