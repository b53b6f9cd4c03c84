import { SyncError } from '../base/errors.ts'
import { parseAuthChain } from './auth-chain.ts'
import { checkBlob } from './blob-check.ts'
import type { BlobFiles, ContentBlobs } from './blobs.ts'
import type { NodeFacts, SignedRow } from './node-facts.ts'
import type { Verifier, Wallets } from './verification.ts'

export interface InspectionParts {
  readonly facts: Pick<NodeFacts, 'activeBehind' | 'blobsBehind' | 'contentOf'>
  readonly blobs: Pick<ContentBlobs, 'open' | 'openGzip' | 'sizes'> & BlobFiles
  readonly verifier: Pick<Verifier, 'verify'>
  /** Null: there is no chain to ask; contract wallets are counted, and taken for good. */
  readonly wallets: Wallets | null
}

/** Something that is not as it should be. */
export interface Damage {
  /** `content`: a file or a row; `file`: that of an entity; `signature`: of an active entity, or what it signs. */
  readonly what: 'content' | 'file' | 'signature'
  /** Of the content, or the entity's id. */
  readonly hash: string
  readonly state: 'damaged' | 'missing' | 'refused'
  /** Why, where there is more to say. */
  readonly reason: string
}

/** How far it is. */
export interface Inspected {
  readonly blobs: number
  readonly entities: number
  /** Entities of contract wallets that could not be asked for. */
  readonly unasked: number
}

/** Rows and files that are looked up at once. */
const pageSize = 500
/** Entities that are verified at the same time: an entity file may have 16 MiB. */
const maxAtOnce = 8

/**
 * Looks at all content that a node holds: whether every file and row hashes to what it is called, and whether every
 * active entity has its file, its content and a signature that is good. Pages of bounded size, whatever there is.
 */
export class Inspection {
  readonly #parts: InspectionParts
  readonly #onDamage: (damage: Damage) => Promise<void>
  #blobs = 0
  #entities = 0
  #unasked = 0

  constructor(parts: InspectionParts, onDamage: (damage: Damage) => Promise<void>) {
    this.#parts = parts
    this.#onDamage = onDamage
  }

  get inspected(): Inspected {
    return { blobs: this.#blobs, entities: this.#entities, unasked: this.#unasked }
  }

  /** Throws what the database or the disk says, or the signal's reason; `told` is called now and then. */
  async run(signal: AbortSignal, told: (inspected: Inspected) => void): Promise<void> {
    for await (const hashes of this.#pages()) {
      for (const hash of hashes) {
        signal.throwIfAborted()
        await this.#content(hash)
      }
      told(this.inspected)
    }
    let last = 0
    for (;;) {
      const rows = await this.#parts.facts.activeBehind(last, pageSize)
      await this.#entitiesOf(rows, signal)
      told(this.inspected)
      last = rows.at(-1)?.id ?? last
      if (rows.length < pageSize) return
    }
  }

  /** Hashes of files, then of rows. */
  async *#pages(): AsyncGenerator<readonly string[]> {
    const { blobs, facts } = this.#parts
    for (let after: string | null = null; ;) {
      const files = await blobs.names(after, pageSize)
      yield files.map(({ hash }) => hash)
      after = files.at(-1)?.hash ?? null
      if (files.length < pageSize) break
    }
    for (let after = ''; ;) {
      const rows = await facts.blobsBehind(after, pageSize)
      yield rows
      after = rows.at(-1) ?? after
      if (rows.length < pageSize) break
    }
  }

  async #content(hash: string): Promise<void> {
    const state = await checkBlob(this.#parts.blobs, hash)
    // It may have been collected since its name was read.
    if (state === 'damaged') await this.#onDamage({ what: 'content', hash, state, reason: '' })
    this.#blobs++
  }

  async #entitiesOf(rows: readonly SignedRow[], signal: AbortSignal): Promise<void> {
    await this.#missingOf(rows)
    const waiting = rows.values()
    await Promise.all(
      Array.from({ length: Math.min(maxAtOnce, rows.length) }, async () => {
        for (const row of waiting) await this.#entity(row, signal)
      }),
    )
  }

  async #missingOf(rows: readonly SignedRow[]): Promise<void> {
    const { facts, blobs } = this.#parts
    const content = await facts.contentOf(rows.map(({ id }) => id))
    const hashes = [...new Set(content.map(({ hash }) => hash))]
    const sizes = await blobs.sizes(hashes)
    for (const hash of hashes.filter((each) => !sizes.has(each))) {
      const users = content.filter((each) => each.hash === hash)
      const ids = new Set(users.map(({ id }) => id))
      const user = rows.find(({ id }) => ids.has(id))?.entityId ?? ''
      await this.#onDamage({ what: 'content', hash, state: 'missing', reason: `of ${user}` })
    }
  }

  async #entity({ entityId, authChain }: SignedRow, signal: AbortSignal): Promise<void> {
    const { blobs, verifier, wallets } = this.#parts
    signal.throwIfAborted()
    this.#entities++
    const state = await checkBlob(blobs, entityId)
    if (state !== 'good') return this.#onDamage({ what: 'file', hash: entityId, state, reason: '' })
    const file = (await blobs.open(entityId, null))?.body
    // It lies in a row, whatever else has its bytes.
    if (!(file instanceof Uint8Array)) {
      file?.destroy()
      return this.#onDamage({ what: 'file', hash: entityId, state: 'missing', reason: '' })
    }
    const chain = parseAuthChain(jsonOf(authChain))
    if (chain === null) return this.#refused(entityId, 'no chain')
    const verdict = await verifier.verify({ entityId, file, authChain: chain }, signal)
    if (!verdict.isGood) return this.#refused(entityId, verdict.errors.join(' '))
    if (wallets === null) {
      this.#unasked += Number(verdict.questions.length > 0)
      return
    }
    try {
      const errors = await wallets.errorsOf(verdict.questions, signal)
      if (errors.length > 0) await this.#refused(entityId, errors.join(' '))
    } catch (error) {
      // The chain cannot be asked now: that says nothing of the entity.
      if (!(error instanceof SyncError) || error.code !== 'verifier-ended') throw error
      this.#unasked++
    }
  }

  #refused(hash: string, reason: string): Promise<void> {
    return this.#onDamage({ what: 'signature', hash, state: 'refused', reason })
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
