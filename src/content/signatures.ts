import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type * as Secp256k1 from 'secp256k1/bindings.js'

/** Which form of the curve was loaded; the plain one is some thirty times slower. */
export type SignatureKind = 'native' | 'plain'

const { curve, kind } = loadCurve()

export const signatureKind: SignatureKind = kind

/**
 * Who signed a message the way wallets do (`personal_sign`, EIP-191): the address as `0x` and 40 digits in lower case.
 * The signature is `0x` and hex of r, s (of either half) and v, which is 0, 1, 27 or 28. Throws an Error that says what is
 * wrong with it.
 */
export function addressOf(message: string, signature: string): string {
  if (!/^0x[\da-fA-F]{129,130}$/.test(signature)) {
    throw new Error('A signature is 0x and the hex of 65 bytes')
  }
  const v = Number.parseInt(signature.slice(rAndSEnd), 16)
  const recoveryId = v >= 27 ? v - 27 : v
  if (recoveryId > 1) {
    throw new Error(`Invalid signature recovery value: ${v}. Expected 27 or 28`)
  }
  const rAndS = Buffer.from(signature.slice(2, rAndSEnd), 'hex')
  return addressOfKey(curve.ecdsaRecover(rAndS, recoveryId, personalDigest(message), false))
}

/** The address of an uncompressed public key of 65 bytes. */
export function addressOfKey(publicKey: Uint8Array): string {
  const digest = keccak_256(publicKey.subarray(1))
  return `0x${Buffer.from(digest.buffer, digest.byteOffset + 12, 20).toString('hex')}`
}

/** What a wallet signs in the place of a message: 32 bytes; the message in UTF-8, its length in bytes. */
export function personalDigest(message: string): Uint8Array {
  const length = Buffer.byteLength(message)
  return keccak_256(Buffer.from(`\x19Ethereum Signed Message:\n${length}${message}`))
}

/** The message without a wallet's prefix, as EIP-1271 has contracts judge it first: 32 bytes. */
export function plainDigest(message: string): Uint8Array {
  return keccak_256(Buffer.from(message))
}

/** The native form where it was made for this machine: built, or shipped with the package. */
function loadCurve(): { readonly curve: typeof Secp256k1; readonly kind: SignatureKind } {
  const load = createRequire(import.meta.url)
  try {
    return { curve: load('secp256k1/bindings.js') as typeof Secp256k1, kind: 'native' }
  } catch {
    return { curve: load('secp256k1/elliptic.js') as typeof Secp256k1, kind: 'plain' }
  }
}

/** Where r and s end in the text: `0x` and 128 digits. */
const rAndSEnd = 130
