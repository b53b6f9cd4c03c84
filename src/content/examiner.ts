import type { Received } from './blobs.ts'
import { Refused } from './deploying.ts'
import type { Deployment } from './entity.ts'
import { type ContentRules, thumbnailHash } from './rules/content-rules.ts'
import { entityJson } from './rules/entity-file.ts'
import type { Ownership } from './rules/ownership.ts'
import type { Submission, Verifier, Wallets } from './verification.ts'

export interface ExaminerParts {
  readonly verifier: Verifier
  readonly contentRules: ContentRules
  readonly ownership: Ownership
  readonly wallets: Wallets
}

/** The content of an entity, as far as it is here. */
export interface Contents {
  /** Bytes of all that is there. */
  readonly sizes: ReadonlyMap<string, number>
  /** What came with it. */
  readonly received: readonly Received[]
}

/** An entity of which file, structure and signature are good. */
export interface Examined {
  readonly deployment: Deployment
  /** Looks at the content, and at what only a chain can tell. Throws `Refused`. */
  readonly check: (contents: Contents, signal: AbortSignal) => Promise<void>
  /** The same of one that would be dead at once, so that nobody needs its content: its mark counts. Throws `Refused`. */
  readonly checkWithoutContent: (signal: AbortSignal) => Promise<void>
}

/** Whether an entity may be deployed, wherever it comes from: everything but what holds for clients of this node alone. */
export class Examiner {
  readonly #parts: ExaminerParts

  constructor(parts: ExaminerParts) {
    this.#parts = parts
  }

  /** Throws `Refused`. */
  async examine(submission: Submission, signal: AbortSignal): Promise<Examined> {
    const { verifier, wallets } = this.#parts
    const verdict = await verifier.verify(submission, signal)
    if (!verdict.isGood) throw new Refused(verdict.errors)
    const { deployment, questions, lateErrors } = verdict
    const wrongs = await wallets.errorsOf(questions, signal)
    if (wrongs.length > 0) throw new Refused(wrongs)
    return {
      deployment,
      check: (contents, signal) => this.#check(deployment, { contents, lateErrors }, signal),
      checkWithoutContent: async (signal) => {
        if (lateErrors.length > 0) throw new Refused(lateErrors)
        await this.#checkOwner(deployment, signal)
      },
    }
  }

  async #check(
    deployment: Deployment,
    {
      contents,
      lateErrors,
    }: { readonly contents: Contents; readonly lateErrors: readonly string[] },
    signal: AbortSignal,
  ): Promise<void> {
    const { contentRules } = this.#parts
    const metadata = isPlain(deployment) ? undefined : metadataOf(deployment)
    const hash = isPlain(deployment) ? null : thumbnailHash(deployment, metadata)
    const errors = contentRules(deployment, {
      fileSize: deployment.file.length,
      sizes: contents.sizes,
      uploaded: new Set(contents.received.map((each) => each.hash)),
      thumbnail: contents.received.find((each) => each.hash === hash) ?? null,
      metadata,
      lateErrors,
    })
    if (errors.length > 0) throw new Refused(errors)
    await this.#checkOwner(deployment, signal)
  }

  async #checkOwner(deployment: Deployment, signal: AbortSignal): Promise<void> {
    const wrongs = await this.#parts.ownership.errors(deployment, signal)
    if (wrongs.length > 0) throw new Refused(wrongs)
  }
}

/** Most entities are profiles without files: there is nothing in their metadata that their content is measured by. */
function isPlain({ type, content }: Deployment): boolean {
  return type === 'profile' && content.length === 0
}

/** It has been read before, on another thread. */
function metadataOf({ file }: Deployment): unknown {
  const entity = entityJson(file)
  return typeof entity === 'object' && entity !== null && 'metadata' in entity
    ? entity.metadata
    : undefined
}
