import type { AuthChain, Deployment } from './entity.ts'

/** An entity file with the chain that signs it, as they came in. */
export interface Submission {
  /** What the file is said to hash to. */
  readonly entityId: string
  readonly file: Uint8Array
  readonly authChain: AuthChain
}

/** What of a submission can be told without its content and without asking anybody. */
export type Verdict =
  | {
      readonly isGood: true
      readonly deployment: Deployment
      /** Signatures of contract wallets that only the chain can vouch for (EIP-1654). */
      readonly questions: readonly WalletQuestion[]
      /** Errors of the rules that come behind those on the size of the content; empty: none. */
      readonly lateErrors: readonly string[]
    }
  | { readonly isGood: false; readonly errors: readonly string[] }

/** Whether a contract says that it has signed a message (EIP-1271, as EIP-1654 has it). */
export interface WalletQuestion {
  /** Of the contract, `0x` and 40 digits. */
  readonly address: string
  /** The link of the chain that asks, for what a client is told. */
  readonly linkType: string
  /** What was signed, as text. */
  readonly message: string
  /** `0x` and hex. */
  readonly signature: string
  /** When it has to have been valid, in milliseconds since 1970. */
  readonly atMs: number
}

/** Asks contracts about their signatures. */
export interface Wallets {
  /** What a client is told of the first that nobody vouches for; empty: all are good. Throws `verifier-ended` when nobody can say. */
  errorsOf(questions: readonly WalletQuestion[], signal: AbortSignal): Promise<readonly string[]>
}

/**
 * Checks hash, structure, schema, rules of each type and signatures of submissions, on threads of its own. Errors are
 * the texts that clients of the network know.
 */
export interface Verifier {
  verify(submission: Submission, signal: AbortSignal): Promise<Verdict>
  close(): Promise<void>
}
