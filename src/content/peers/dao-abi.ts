import { Buffer } from 'node:buffer'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { SyncError } from '../../base/errors.ts'

/** Bytes of what a call may give: many times what the three calls need. */
const maxAnswerBytes = 65_536
const wordBytes = 32

/**
 * The data of a call to a contract: the first four bytes of the hash of its signature, then arguments of 32 bytes each
 * (Solidity's ABI specification 2), as `0x` and hex.
 */
export function callData(signature: string, words: readonly Uint8Array[] = []): string {
  const selector = keccak_256(Buffer.from(signature)).subarray(0, 4)
  return `0x${Buffer.concat([selector, ...words]).toString('hex')}`
}

/** A number below 2^32 as an argument. */
export function uintWord(value: number): Uint8Array {
  const word = Buffer.alloc(wordBytes)
  word.writeUInt32BE(value, wordBytes - 4)
  return word
}

/**
 * What a call gave: words of 32 bytes, of which one may tell where a text lies. Everything that does not fit is
 * `protocol`.
 */
export class AbiAnswer {
  readonly #bytes: Buffer
  readonly #what: string

  /** `answer`: `0x` and hex, or anything else that a server may say. `what` was asked, for messages. */
  constructor(answer: unknown, what: string) {
    this.#what = what
    if (typeof answer !== 'string' || answer.length > 2 + 2 * maxAnswerBytes) {
      throw this.#unfit('with no text, or a far too long one')
    }
    if (!/^0x(?:[\da-f]{2})*$/i.test(answer)) throw this.#unfit('with what is no hex')
    if (answer === '0x') {
      throw this.#unfit('with nothing: is the JSON-RPC server on the network of this contract?')
    }
    this.#bytes = Buffer.from(answer.slice(2), 'hex')
  }

  /** The word at this place, of as many as there are. */
  word(index: number): Buffer {
    return this.#wordAt(index * wordBytes)
  }

  /** A number; what is beyond 2^53 becomes 2^53 - 1. */
  number(index: number): number {
    return numberOf(this.word(index))
  }

  /** The text that the word at this place leads to; null when it is longer than `maxBytes`, or no UTF-8. */
  text(index: number, maxBytes: number): string | null {
    const start = this.number(index)
    const length = numberOf(this.#wordAt(start))
    const from = start + wordBytes
    if (length > this.#bytes.length - from)
      throw this.#unfit('with a text that goes on behind its end')
    return length > maxBytes ? null : textOf(this.#bytes.subarray(from, from + length))
  }

  #wordAt(start: number): Buffer {
    if (start > this.#bytes.length - wordBytes) throw this.#unfit('too briefly')
    return this.#bytes.subarray(start, start + wordBytes)
  }

  #unfit(how: string): SyncError {
    return new SyncError('protocol', `${this.#what} was answered ${how}.`)
  }
}

function numberOf(word: Buffer): number {
  const value = BigInt(`0x${word.toString('hex')}`)
  return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value)
}

function textOf(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
