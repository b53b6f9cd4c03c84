import { Buffer } from 'node:buffer'
import { SyncError } from '../base/errors.ts'
import { contractRefused, walletError } from './auth-chain.ts'
import { type JsonRpc, refusalCode } from './json-rpc.ts'
import { personalDigest, plainDigest } from './signatures.ts'
import type { WalletQuestion, Wallets } from './verification.ts'

/** For nodes that know no chain: nobody vouches. */
export const noWallets: Wallets = {
  errorsOf: (questions) =>
    Promise.resolve(questions.slice(0, 1).map((asked) => walletError(asked, 'Missing provider'))),
}

/**
 * Asks contracts themselves, `isValidSignature(bytes32,bytes)` (EIP-1271): with the hash of the plain message, then of
 * the message as wallets sign it; as of now, and where that is refused as of the block of the date, since owners change.
 */
export class ContractWallets implements Wallets {
  readonly #rpc: JsonRpc

  constructor(rpc: JsonRpc) {
    this.#rpc = rpc
  }

  async errorsOf(
    questions: readonly WalletQuestion[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    for (const question of questions) {
      if (!(await this.#vouches(question, signal))) return [walletError(question, contractRefused)]
    }
    return []
  }

  async #vouches(question: WalletQuestion, signal: AbortSignal): Promise<boolean> {
    try {
      if (await this.#isValid(question, 'latest', signal)) return true
      const block = await this.#blockAt(question.atMs, signal)
      return block !== null && (await this.#isValid(question, quantity(block), signal))
    } catch (cause) {
      if (signal.aborted) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      // Whoever sent the entity cannot help it.
      throw new SyncError('verifier-ended', `Could not ask contract ${question.address}: ${why}`, {
        cause,
      })
    }
  }

  async #isValid(
    { address, message, signature }: WalletQuestion,
    block: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const digest of [plainDigest(message), personalDigest(message)]) {
      const call = { to: address, data: callData(digest, signature) }
      const answer = await this.#answer([call, block], signal)
      if (typeof answer === 'string' && isMagic.test(answer)) return true
    }
    return false
  }

  /** What the contract gives; null where it would rather fail. */
  async #answer(params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#rpc.call('eth_call', params, signal)
    } catch (error) {
      if (failures.has(refusalCode(error) ?? 0)) return null
      throw error
    }
  }

  /**
   * The last block up to then; null where that is the newest one. Looks back from the newest in steps that double, then
   * halves the last one: most ask about the last minutes.
   */
  async #blockAt(atMs: number, signal: AbortSignal): Promise<number | null> {
    const isLater = async (block: number): Promise<boolean> =>
      (await this.#block(quantity(block), signal)).ms > atMs
    const newest = await this.#block('latest', signal)
    if (newest.ms <= atMs) return null
    let [from, to] = [newest.number, newest.number]
    for (let step = 1; from > 0 && (from === to || (await isLater(from))); step *= 2) {
      to = from
      from = Math.max(0, to - step)
    }
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2)
      if (await isLater(middle)) to = middle
      else from = middle
    }
    return from
  }

  async #block(
    which: string,
    signal: AbortSignal,
  ): Promise<{ readonly number: number; readonly ms: number }> {
    const block = await this.#rpc.call('eth_getBlockByNumber', [which, false], signal)
    const { number, timestamp } = (block ?? {}) as { number?: unknown; timestamp?: unknown }
    return { number: numberOf(number), ms: numberOf(timestamp) * 1_000 }
  }
}

/** The call in Solidity's ABI: the selector, the hash, where the bytes begin, how many, the bytes in words of 32. */
function callData(digest: Uint8Array, signature: string): string {
  const digits = signature.slice(2)
  const padded = digits.padEnd(Math.ceil(digits.length / 64) * 64, '0')
  return [
    selector,
    Buffer.from(digest).toString('hex'),
    word(64),
    word(digits.length / 2),
    padded,
  ].join('')
}

function word(value: number): string {
  return value.toString(16).padStart(64, '0')
}

function quantity(value: number): string {
  return `0x${value.toString(16)}`
}

function numberOf(value: unknown): number {
  if (typeof value !== 'string' || !/^0x[\da-f]{1,13}$/i.test(value)) {
    throw new SyncError('protocol', 'A block was told without its number or its time.')
  }
  return Number(value)
}

/** The first bytes of the hash of `isValidSignature(bytes32,bytes)`, and its answer when it is. */
const selector = '0x1626ba7e'
const isMagic = /^0x1626ba7e[\da-f]{56}/i
/** Codes that a contract's failure comes with: of go-ethereum with and without a reason, of others. */
const failures: ReadonlySet<number> = new Set([3, -32_000, -32_015])
