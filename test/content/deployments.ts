import { createHash } from 'node:crypto'
import type { ContentEffect } from '../../src/content/content-store.ts'
import type { AuthChain, Deployment, DeploymentOffer } from '../../src/content/entity.ts'

const letters = 'abcdefghijklmnopqrstuvwxyz234567'

/** An id of the form that ids have, the same for the same name; names in order give ids in order. */
export function idOf(name: string): string {
  const digits = [...createHash('sha256').update(name).digest()].map((byte) => letters[byte & 31])
  const order = name.toLowerCase().replace(/[^a-z2-7]/g, '')
  return `ba${order}${digits.join('')}${digits.join('')}`.slice(0, 59)
}

export interface MadeFrom extends Partial<Omit<Deployment, 'entityId' | 'file' | 'metadata'>> {
  /** Its metadata; absent: it has none. */
  readonly says?: unknown
  /** The whole id; made of the name otherwise. */
  readonly entityId?: string
}

/** A profile of pointer `a` where nothing else is said. Its signatures are nobody's. */
export function made(name: string, from: MadeFrom = {}): Deployment {
  const { says, entityId = idOf(name), ...changes } = from
  const parts = {
    entityId,
    type: 'profile',
    pointers: ['a'],
    timestamp: 1_000,
    deployer: '0xAb',
    version: 'v3',
    content: [],
    authChain: JSON.stringify(chainOf(entityId)),
    isComplete: true,
    ...changes,
  } as const
  const { version, type, pointers, timestamp, content } = parts
  const head = JSON.stringify({ version, type, pointers, timestamp, content }).slice(0, -1)
  if (says === undefined) return { ...parts, file: Buffer.from(`${head}}`), metadata: null }
  const start = Buffer.byteLength(`${head},"metadata":`)
  const piece = JSON.stringify(says)
  const file = Buffer.from(`${head},"metadata":${piece}}`)
  return { ...parts, file, metadata: { start, end: start + Buffer.byteLength(piece) } }
}

export function chainOf(entityId: string): AuthChain {
  return [
    { payload: '0xAb', signature: '', type: 'SIGNER' },
    { payload: entityId, signature: '0x12', type: 'ECDSA_SIGNED_ENTITY' },
  ]
}

export function offerOf(deployment: Deployment): DeploymentOffer {
  const { entityId, type: entityType, pointers, timestamp: entityTimestamp } = deployment
  return { entityId, entityType, pointers, entityTimestamp, authChain: chainOf(entityId) }
}

export function effectOf(parts: Partial<ContentEffect>): ContentEffect {
  return { deployments: [], blobs: [], failures: [], parts: [], ...parts }
}
