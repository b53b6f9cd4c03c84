import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import type { EntityFile } from '../../content/content-store.ts'
import type { Entity } from '../../content/entity.ts'
import { readEntity } from '../../content/rules/entity-file.ts'
import type { Answer } from './answer.ts'

/** What of an entity is shown where not all of it is asked for. */
export const entityFields = ['content', 'pointers', 'metadata'] as const
export type EntityField = (typeof entityFields)[number]

/**
 * Entities as clients know them: what their files say, with their ids. Those that are big together are read
 * one by one as the client takes them, and hold up nobody else.
 */
export function entitiesAnswer(
  files: readonly EntityFile[],
  around: { readonly start: string; readonly end: string },
  fields: readonly EntityField[] = entityFields,
): Answer {
  const pieces = piecesOf(files, around, fields)
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0)
  const body = bytes > maxGathered ? Readable.from(pieces) : Buffer.concat([...pieces])
  return { status: 200, headers: ['content-type', 'application/json'], body }
}

function* piecesOf(
  files: readonly EntityFile[],
  { start, end }: { readonly start: string; readonly end: string },
  fields: readonly EntityField[],
): Generator<Buffer> {
  let before = start
  for (const { entityId, bytes } of files) {
    const reading = readEntity(entityId, bytes)
    // What was deployed could be read then.
    if (!('entity' in reading)) continue
    yield Buffer.from(before + JSON.stringify(masked(reading.entity, fields)))
    before = ','
  }
  yield Buffer.from(before === start ? start + end : end)
}

function masked(entity: Entity, fields: readonly EntityField[]): Partial<Entity> {
  if (fields === entityFields) return entity
  const { metadata, ...rest } = entity
  return {
    ...rest,
    pointers: fields.includes('pointers') ? entity.pointers : [],
    content: fields.includes('content') ? entity.content : [],
    ...(fields.includes('metadata') && metadata !== undefined && { metadata }),
  }
}

/** Bytes of entity files that are answered at once. */
const maxGathered = 262_144
