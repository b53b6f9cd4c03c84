import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type * as Secp256k1 from 'secp256k1/elliptic.js'
import { hashV1 } from '../src/content/hashing.ts'
import { addressOfKey, personalDigest } from '../src/content/signatures.ts'

const curve = createRequire(import.meta.url)('secp256k1/elliptic.js') as typeof Secp256k1

/** A profile that somebody has just signed with a key of their own, made a moment ago. */
export interface SignedProfile {
  readonly entityId: string
  /** Where it is found: the address of the key. */
  readonly pointer: string
  /** As clients post it to `/entities`. */
  readonly form: FormData
}

export function signedProfile(name: string): SignedProfile {
  const key = randomBytes(32)
  const address = addressOfKey(curve.publicKeyCreate(key, false))
  const timestamp = Date.now()
  const entity = {
    version: 'v3',
    type: 'profile',
    pointers: [address],
    timestamp,
    content: [],
    metadata: { avatars: [avatarOf(name, address)] },
  }
  const file = Buffer.from(JSON.stringify(entity))
  const entityId = hashV1(file)
  const links = [
    { type: 'SIGNER', payload: address, signature: '' },
    { type: 'ECDSA_SIGNED_ENTITY', payload: entityId, signature: signed(entityId, key) },
  ]
  const form = new FormData()
  form.append('entityId', entityId)
  for (const [index, link] of links.entries()) {
    for (const [field, value] of Object.entries(link)) {
      form.append(`authChain[${index}][${field}]`, value)
    }
  }
  form.append(entityId, new Blob([file]), entityId)
  return { entityId, pointer: address, form }
}

/** As wallets sign: r, s, and 27 or 28. */
function signed(message: string, key: Uint8Array): string {
  const { signature, recid } = curve.ecdsaSign(personalDigest(message), key)
  return `0x${Buffer.from(signature).toString('hex')}${(27 + recid).toString(16)}`
}

function avatarOf(name: string, address: string): object {
  const grey = { color: { r: 0.5, g: 0.5, b: 0.5 } }
  return {
    name,
    hasClaimedName: false,
    description: 'Waits for a turn',
    tutorialStep: 0,
    userId: address,
    ethAddress: address,
    version: 1,
    avatar: {
      bodyShape: 'urn:decentraland:off-chain:base-avatars:BaseFemale',
      eyes: grey,
      hair: grey,
      skin: grey,
      wearables: [],
      emotes: [],
    },
  }
}
