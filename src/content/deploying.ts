import type { Received } from './blobs.ts'
import type { AuthChain } from './entity.ts'
import type { Reach } from './node-facts.ts'

/** What somebody posted: an entity's id, who signs it, and files, which are told apart by their hashes. */
export interface Upload {
  readonly entityId: string
  readonly authChain: AuthChain
  readonly files: readonly Received[]
}

/** A deployment is no good: why, in the words that clients of the network know. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly errors: readonly string[]

  constructor(errors: readonly string[]) {
    super(errors.join(' '))
    this.errors = errors
  }
}

/** Takes deployments of clients. */
export interface Deploying {
  /**
   * Examines and stores it; resolves, once it is durable, to its local time in milliseconds since 1970. What was deployed before is answered with the
   * time of then, and not looked at. Throws `Refused`; files are kept or dropped either way.
   */
  deploy(upload: Upload, signal: AbortSignal): Promise<number>
}

/** How far a node is. It takes no deployments before it has caught up once. */
export type NodeState = 'Bootstrapping' | 'Syncing'

/** What a node tells of itself. */
export interface NodeStatus {
  readonly state: NodeState
  /** When the list of peers was last read, in milliseconds since 1970; 0: never. */
  readonly lastSyncWithDaoMs: number
  readonly peers?: Reach
}
