import { Buffer } from 'node:buffer'
import {
  maxPageBytes,
  type Change,
  type ChangeQuery,
  type Changes,
  type StoredDeployment,
} from '../../content/content-store.ts'
import { entityJson } from '../../content/rules/entity-file.ts'
import type { KeptDeployment } from './content-rows.ts'

/** A page of a change feed, in the words of `GET /pointer-changes`. */
export function changesIn(rows: readonly KeptDeployment[], query: ChangeQuery): Changes {
  const all = pageOf(rows, query).map(changeOf)
  let bytes = 0
  const shown = all.filter((change) => {
    const isRoom = bytes < maxPageBytes
    bytes += bytesOf(change)
    return isRoom
  })
  return { rows: shown, isCut: shown.length < all.length }
}

function bytesOf({ pointers, authChain, metadata }: Change): number {
  return JSON.stringify(pointers).length + authChain.length + Buffer.byteLength(metadata ?? '')
}

/** The same without metadata. */
export function storedIn(
  rows: readonly KeptDeployment[],
  query: ChangeQuery,
): readonly StoredDeployment[] {
  return pageOf(rows, query).map(storedOf)
}

function pageOf(rows: readonly KeptDeployment[], query: ChangeQuery): KeptDeployment[] {
  const timeOf = (row: KeptDeployment): number =>
    query.sortBy === 'local' ? row.localMs : row.deployment.timestamp
  const { from, to, lastId, types, order, offset, limit } = query
  const sign = order === 'asc' ? 1 : -1
  const border = order === 'asc' ? from : to
  const asked = rows.filter((row) => {
    if (from !== undefined && timeOf(row) < from) return false
    if (to !== undefined && timeOf(row) > to) return false
    if (types.length > 0 && !types.includes(row.deployment.type)) return false
    if (lastId === undefined || timeOf(row) !== border) return true
    return sign * byId(row.deployment.entityId, lastId) > 0
  })
  return asked
    .toSorted(
      (a, b) =>
        sign * (timeOf(a) - timeOf(b) || byId(a.deployment.entityId, b.deployment.entityId)),
    )
    .slice(offset, offset + limit)
}

export function storedOf({ id, deployment, localMs, death }: KeptDeployment): StoredDeployment {
  const { file: _file, metadata: _metadata, content: _content, ...stored } = deployment
  return {
    ...stored,
    deploymentId: id,
    localMs,
    isActive: death === null,
    overwrittenBy: death?.by ?? null,
  }
}

function changeOf(row: KeptDeployment): Change {
  const { file, metadata } = row.deployment
  if (metadata !== null) {
    const piece = Buffer.from(file.subarray(metadata.start, metadata.end)).toString()
    return { ...storedOf(row), metadata: piece }
  }
  // An entity file that was verified is a JSON object.
  const whole = entityJson(file) as { readonly metadata?: unknown }
  const text = whole.metadata === undefined ? null : JSON.stringify(whole.metadata)
  return { ...storedOf(row), metadata: text }
}

/** Texts in the order of their UTF-8. */
export function byText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function byId(a: string, b: string): number {
  return byText(a.toLowerCase(), b.toLowerCase())
}
