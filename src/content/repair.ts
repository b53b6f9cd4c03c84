import { asSyncError } from '../base/errors.ts'
import { graceMs, type ContentBlobs } from './blobs.ts'
import type { ContentStore } from './content-store.ts'
import type { Damage } from './inspection.ts'
import type { NodeFacts } from './node-facts.ts'
import type { Fetcher } from './peers/fetcher.ts'

export interface RepairParts {
  readonly store: Pick<ContentStore, 'needed' | 'deploy' | 'snapshots'>
  readonly blobs: Pick<ContentBlobs, 'remove'>
  readonly facts: Pick<NodeFacts, 'putEntityFile'>
  readonly fetcher: Pick<Fetcher, 'fetch'>
}

/** What became of a damage. */
export interface Mended {
  readonly isWell: boolean
  /** What was done, or is to be done by a person. */
  readonly text: string
}

/** Bytes of a piece of content, or of an entity file. */
const maxBytes = 100 * 1_024 * 1_024

/** Removes what is damaged, and fetches it anew from whichever peer has it. Nobody is served damaged content meanwhile. */
export class Repair {
  readonly #parts: RepairParts

  constructor(parts: RepairParts) {
    this.#parts = parts
  }

  /** Throws what the database or the disk says, or the signal's reason. */
  async mend({ what, hash }: Damage, signal: AbortSignal): Promise<Mended> {
    if (what === 'signature') return { isWell: false, text: deployAnew }
    if (what === 'file') return this.#fetched(signal, () => this.#file(hash, signal))
    const { store, blobs } = this.#parts
    await blobs.remove([hash])
    if ((await store.snapshots()).some((snapshot) => snapshot.hash === hash)) {
      return { isWell: true, text: 'removed; roundelay node snapshot writes it anew' }
    }
    if (!(await store.needed([hash], graceMs)).has(hash)) {
      return { isWell: true, text: 'removed; nobody needs it' }
    }
    return this.#fetched(signal, () => this.#content(hash, signal))
  }

  async #fetched(signal: AbortSignal, work: () => Promise<void>): Promise<Mended> {
    try {
      await work()
      return { isWell: true, text: 'fetched anew' }
    } catch (error) {
      signal.throwIfAborted()
      const { code, message } = asSyncError(error)
      if (code === 'database' || code === 'disk-full' || code === 'internal') throw error
      return { isWell: false, text: `could not be fetched: ${message} Say --repair again later.` }
    }
  }

  async #content(hash: string, signal: AbortSignal): Promise<void> {
    const { fetcher, store } = this.#parts
    const received = await fetcher.fetch({ hash, maxBytes, offeredBy: null }, signal)
    await received.keep()
    const { bytes } = received
    if (bytes === null) return
    await store.deploy({ deployments: [], blobs: [{ hash, bytes }], failures: [], parts: [] })
  }

  /** It stays as it is until there is a good one: without it the entity would be nobody's. */
  async #file(hash: string, signal: AbortSignal): Promise<void> {
    const { fetcher, facts } = this.#parts
    const received = await fetcher.fetch({ hash, maxBytes, offeredBy: null }, signal)
    try {
      await facts.putEntityFile(hash, await received.read())
    } finally {
      await received.drop()
    }
  }
}

/** What is to be done about what cannot be fetched: the chain that signs an entity lies in the database alone. */
const deployAnew = 'have it deployed anew, or bring back a backup of the database'
