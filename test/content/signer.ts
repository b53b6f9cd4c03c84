import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { crc32, deflateSync } from 'node:zlib'
import type * as Secp256k1 from 'secp256k1/bindings.js'
import type { AuthChain, ContentFile, EntityType } from '../../src/content/entity.ts'
import { hashV1 } from '../../src/content/hashing.ts'
import { addressOfKey, personalDigest } from '../../src/content/signatures.ts'

// Native or nothing: a bench that signs 200,000 entities waits for no plain JavaScript.
const curve = createRequire(import.meta.url)('secp256k1/bindings.js') as typeof Secp256k1

/** Somebody with a key. */
export interface Identity {
  /** `0x` and 40 digits in lower case. */
  readonly address: string
  readonly privateKey: Uint8Array
  /** The signature of a message as wallets make it: `0x`, r, s, v of 27 or 28. */
  readonly sign: (message: string) => string
}

/** The same seed gives the same key. */
export function makeIdentity(seed: number): Identity {
  const privateKey = createHash('sha256').update(`key of ${seed}`).digest()
  return {
    address: addressOfKey(curve.publicKeyCreate(privateKey, false)),
    privateKey,
    sign: (message) => {
      const { signature, recid } = curve.ecdsaSign(personalDigest(message), privateKey)
      return `0x${Buffer.from(signature).toString('hex')}${recid === 0 ? '1b' : '1c'}`
    },
  }
}

/** The key that all ephemeral chains go over, unless another one is given. */
const passing = makeIdentity(-1)

/** Owner, ephemeral key, entity. `expiresMs` is a moment, in milliseconds since 1970. */
export function ephemeralChain(
  identity: Identity,
  entityId: string,
  { expiresMs, ephemeral = passing }: { expiresMs: number; ephemeral?: Identity },
): AuthChain {
  const payload = ephemeralPayload(ephemeral.address, expiresMs)
  return [
    { payload: identity.address, signature: '', type: 'SIGNER' },
    { payload, signature: identity.sign(payload), type: 'ECDSA_EPHEMERAL' },
    { payload: entityId, signature: ephemeral.sign(entityId), type: 'ECDSA_SIGNED_ENTITY' },
  ]
}

export function ephemeralPayload(address: string, expiresMs: number): string {
  const expiration = new Date(expiresMs).toISOString()
  return `Decentraland Login\nEphemeral address: ${address}\nExpiration: ${expiration}`
}

/** Owner, entity. */
export function simpleChain(identity: Identity, entityId: string): AuthChain {
  return [
    { payload: identity.address, signature: '', type: 'SIGNER' },
    { payload: entityId, signature: identity.sign(entityId), type: 'ECDSA_SIGNED_ENTITY' },
  ]
}

/** An entity with all that a node has to be given to deploy it. */
export interface SignedEntity {
  readonly entityId: string
  readonly file: Uint8Array
  readonly authChain: AuthChain
  /** Content by its hash, without the entity file. */
  readonly contents: ReadonlyMap<string, Uint8Array>
}

export interface Signing {
  readonly identity: Identity
  /** Of the entity, in milliseconds since 1970; its ephemeral key lives for a day from then. */
  readonly timestamp: number
}

/** Content by the name that the entity gives it. */
export type Files = Readonly<Record<string, Uint8Array>>

export interface EntityParts extends Signing {
  readonly type: EntityType
  readonly pointers: readonly string[]
  readonly files?: Files
  readonly metadata?: unknown
}

/** Any entity: what is given, hashed and signed, whether it keeps the rules or not. */
export function signedEntity(parts: EntityParts): SignedEntity {
  const { identity, timestamp, type, pointers, files = {}, metadata } = parts
  const contents = new Map<string, Uint8Array>()
  const content = Object.entries(files).map(([file, bytes]): ContentFile => {
    const hash = hashV1(bytes)
    contents.set(hash, bytes)
    return { file, hash }
  })
  const entity = { version: 'v3', type, pointers, timestamp, content, metadata }
  const file = Buffer.from(JSON.stringify(entity))
  const entityId = hashV1(file)
  const authChain = ephemeralChain(identity, entityId, { expiresMs: timestamp + 86_400_000 })
  return { entityId, file, authChain, contents }
}

/** A profile of 788 bytes, give or take its name. */
export function signedProfile({
  identity,
  timestamp,
  name = 'Somebody',
}: Signing & { readonly name?: string }): SignedEntity {
  return signedEntity({
    identity,
    timestamp,
    type: 'profile',
    pointers: [identity.address],
    metadata: {
      avatars: [
        {
          hasClaimedName: false,
          name,
          description: 'Likes music',
          tutorialStep: 256,
          userId: identity.address,
          ethAddress: identity.address,
          version: 1,
          avatar: {
            ...body,
            wearables: ['eyebrows_00', 'green_hoodie', 'brown_pants'].map(baseAvatar),
            emotes: [{ slot: 0, urn: 'wave' }],
          },
        },
      ],
    },
  })
}

/** A scene on `pointers` (`x,y`, the first is its base), with `bin/index.js` beside what `files` bring. */
export function signedScene({
  identity,
  timestamp,
  pointers = ['0,0'],
  files = {},
}: Signing & { readonly pointers?: readonly string[]; readonly files?: Files }): SignedEntity {
  return signedEntity({
    identity,
    timestamp,
    type: 'scene',
    pointers,
    files: { 'bin/index.js': Buffer.from(`// scene of ${pointers.join(' ')}\n`), ...files },
    metadata: {
      main: 'bin/index.js',
      display: { title: 'A place' },
      scene: { base: pointers[0], parcels: pointers },
    },
  })
}

export interface ItemParts extends Signing {
  /** An address of a collection, `0x` and 40 digits, and the number of the item in it. */
  readonly collection?: string
  readonly item?: number
}

export function signedWearable(parts: ItemParts): SignedEntity {
  return signedItem(parts, 'wearable', {
    data: {
      replaces: [],
      hides: [],
      tags: ['hat'],
      category: 'hat',
      representations: [{ ...representation, overrideHides: [], overrideReplaces: [] }],
    },
  })
}

export function signedEmote(parts: ItemParts): SignedEntity {
  return signedItem(parts, 'emote', {
    emoteDataADR74: {
      category: 'dance',
      tags: ['dance'],
      loop: true,
      representations: [representation],
    },
  })
}

export function signedOutfits({ identity, timestamp }: Signing): SignedEntity {
  const wearables = ['green_hoodie', 'brown_pants'].map(baseAvatar)
  return signedEntity({
    identity,
    timestamp,
    type: 'outfits',
    pointers: [`${identity.address}:outfits`],
    metadata: {
      outfits: [{ slot: 0, outfit: { ...body, wearables, forceRender: [] } }],
      namesForExtraSlots: [],
    },
  })
}

export function signedStore({ identity, timestamp }: Signing): SignedEntity {
  const urn = `urn:decentraland:off-chain:marketplace-stores:${identity.address}`
  return signedEntity({
    identity,
    timestamp,
    type: 'store',
    pointers: [urn],
    metadata: {
      id: urn,
      version: 1,
      owner: identity.address,
      description: 'Hats and dances',
      links: [{ name: 'twitter', url: 'https://www.twitter.com/hats' }],
      images: [],
    },
  })
}

/** A PNG of so many pixels each way, all of them black. */
export function png(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([1, 0], 8)
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}

function signedItem(
  { identity, timestamp, collection = `0x${'c0'.repeat(20)}`, item = 0 }: ItemParts,
  type: 'wearable' | 'emote',
  data: object,
): SignedEntity {
  const urn = `urn:decentraland:matic:collections-v2:${collection}:${item}`
  return signedEntity({
    identity,
    timestamp,
    type,
    pointers: [urn],
    files: {
      [representation.mainFile]: Buffer.from(`model of ${urn}`),
      'image.png': png(64, 64),
      'thumbnail.png': png(32, 32),
    },
    metadata: {
      id: urn,
      name: 'Thing',
      description: 'It can be worn, or danced.',
      collectionAddress: collection,
      rarity: 'common',
      i18n: [{ code: 'en', text: 'Thing' }],
      image: 'image.png',
      thumbnail: 'thumbnail.png',
      metrics: { triangles: 1, materials: 1, textures: 1, meshes: 1, bodies: 1, entities: 1 },
      ...data,
    },
  })
}

function baseAvatar(name: string): string {
  return `urn:decentraland:off-chain:base-avatars:${name}`
}

const body = {
  bodyShape: baseAvatar('BaseMale'),
  eyes: { color: { r: 0.5, g: 0.25, b: 0.75 } },
  hair: { color: { r: 0.25, g: 0.125, b: 0 } },
  skin: { color: { r: 0.75, g: 0.5, b: 0.5 } },
}

const representation = {
  bodyShapes: [baseAvatar('BaseMale')],
  mainFile: 'model.glb',
  contents: ['model.glb'],
}
