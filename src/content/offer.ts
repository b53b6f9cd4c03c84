import { parseAuthChain } from './auth-chain.ts'
import { isEntityType, type DeploymentOffer } from './entity.ts'
import { isContentHash } from './hashing.ts'
import { maxPointerLength, maxPointers, maxPointersLength } from './rules/entity-file.ts'

/**
 * What a snapshot's line or a change feed's row offers, with nothing in it but what belongs there; null where it is no
 * offer. Whatever is true of every entity file is asked for here: what is not can be offered by nobody.
 */
export function parseOffer(value: unknown): DeploymentOffer | null {
  if (typeof value !== 'object' || value === null) return null
  const { entityId, entityType, pointers, entityTimestamp, authChain } = value as Fields
  if (typeof entityId !== 'string' || !isContentHash(entityId)) return null
  if (!isEntityType(entityType) || !isTimestamp(entityTimestamp)) return null
  const names = pointersOf(pointers)
  const chain = parseAuthChain(authChain)
  if (names === null || chain === null) return null
  return { entityId, entityType, pointers: names, entityTimestamp, authChain: chain }
}

/** Whether it speaks of a kind of entity that this version does not know: no fault of whoever offers it. */
export function isForeign(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { entityId, entityType } = value as Fields
  if (typeof entityId !== 'string' || !isContentHash(entityId)) return false
  return typeof entityType === 'string' && entityType !== '' && !isEntityType(entityType)
}

type Fields = Partial<Record<keyof DeploymentOffer, unknown>>

function pointersOf(value: unknown): readonly string[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxPointers) return null
  const pointers: string[] = []
  for (const pointer of value) {
    if (typeof pointer !== 'string' || pointer.length > maxPointerLength) return null
    if (unstorable.test(pointer)) return null
    pointers.push(pointer.toLowerCase())
  }
  return pointers.join('').length <= maxPointersLength ? pointers : null
}

function isTimestamp(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** No database keeps NUL, nor half of a pair. */
// oxlint-disable-next-line no-control-regex -- NUL is what is looked for
const unstorable = /[\u0000\p{Surrogate}]/u
