import { isUtf8 } from 'node:buffer'
import type { Deployment, EntityType } from '../../../content/entity.ts'
import type { StoredDeployment } from '../../../content/content-store.ts'
import type { Fate } from './overwriting.ts'
import { packable } from './packed.ts'

/** The columns of a deployment that this node has made its own, with their types. */
const columns = {
  id: 'bigint',
  entity_id: 'text',
  order_id: 'text',
  type: 'text',
  entity_ms: 'bigint',
  local_ms: 'bigint',
  died_ms: 'bigint',
  is_active: 'integer',
  is_complete: 'integer',
  marks: 'bigint',
  metadata_start: 'integer',
  metadata_end: 'integer',
  overwritten_by: 'text',
  version: 'text',
  deployer: 'text',
  pointers: 'text',
  auth_chain: 'text',
} as const

export type DeploymentRow = Readonly<Record<keyof typeof columns, string | number | null>>

const names = Object.keys(columns)
const typed = Object.entries(columns).map(([name, type]) => `${name} ${type}`)

export const insertDeployments = `insert into deployment (${names.join(', ')})
  select ${names.map((name) => `r.${name}`).join(', ')} from rows as r (${typed.join(', ')})`

export const insertFiles = `insert into entity_file (id, bytes)
  select r.id, r.bytes from rows as r (id bigint, bytes bytea)`

export const insertContent = `insert into content_file (deployment_id, n, key, hash)
  select r.deployment_id, r.n, r.key, r.hash
  from rows as r (deployment_id bigint, n bigint, key text, hash text)`

/** A deployment that is about to be written: with its number, its local time, and what becomes of it. */
export interface Numbered {
  readonly id: number
  readonly localMs: number
  readonly deployment: Deployment
  readonly fate: Fate
}

export function rowOf({ id, localMs, deployment, fate }: Numbered): DeploymentRow {
  const metadata = readable(deployment)
  return {
    id,
    entity_id: deployment.entityId,
    order_id: deployment.entityId.toLowerCase(),
    type: deployment.type,
    entity_ms: deployment.timestamp,
    local_ms: localMs,
    died_ms: fate.death?.diedMs ?? null,
    is_active: fate.death === null ? 1 : 0,
    is_complete: deployment.isComplete ? 1 : 0,
    marks: fate.marks,
    metadata_start: metadata?.start ?? null,
    metadata_end: metadata?.end ?? null,
    overwritten_by: fate.death?.by.entityId ?? null,
    version: packable(deployment.version),
    deployer: packable(deployment.deployer),
    pointers: JSON.stringify(deployment.pointers),
    auth_chain: deployment.authChain,
  }
}

/** Where the metadata stand, if a database can read them there as text. */
function readable({ file, metadata }: Deployment): Deployment['metadata'] {
  if (metadata === null || metadata.end <= metadata.start) return null
  return isUtf8(file.subarray(metadata.start, metadata.end)) ? metadata : null
}

/** What of a content file is kept to be found again: what is no hash, as of the years before ADR-45, nobody asks for. */
export function contentRows({ id, deployment }: Numbered): object[] {
  return deployment.content.flatMap(({ file, hash }, n) =>
    hash.length > maxHash ? [] : { deployment_id: id, n, key: file, hash },
  )
}

/** Characters of the longest hash that the network's readers take. */
const maxHash = 128

/** A deployment without what only its file has. */
export interface StoredRow {
  readonly id: number
  readonly entity_id: string
  readonly type: EntityType
  readonly entity_ms: number
  readonly local_ms: number
  readonly is_active: number
  readonly is_complete: number
  readonly overwritten_by: string | null
  readonly version: string
  readonly deployer: string
  readonly pointers: string
  readonly auth_chain: string
}

export const storedColumns = `id, entity_id, type, entity_ms, local_ms, is_active, is_complete,
  overwritten_by, version, deployer, pointers, auth_chain`

export function storedOf(row: StoredRow): StoredDeployment {
  return {
    deploymentId: row.id,
    entityId: row.entity_id,
    type: row.type,
    pointers: pointersOf(row.pointers),
    timestamp: row.entity_ms,
    localMs: row.local_ms,
    deployer: row.deployer,
    version: row.version,
    authChain: row.auth_chain,
    isActive: row.is_active === 1,
    isComplete: row.is_complete === 1,
    overwrittenBy: row.overwritten_by,
  }
}

export function pointersOf(json: string): string[] {
  // Written by this folder.
  return JSON.parse(json) as string[]
}
