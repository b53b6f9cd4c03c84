import type { EntityFile } from '../../content/content-store.ts'
import { isContentHash } from '../../content/hashing.ts'
import type { Answer } from './answer.ts'
import { collectionRoute } from './collections.ts'
import type { ContentParts } from './content-parts.ts'
import { Denial } from './denial.ts'
import { entitiesAnswer, entityFields, type EntityField } from './entity-list.ts'
import { all, entityTypeOf, first, storable, type Query } from './query.ts'
import { part, type Routes } from './route.ts'

type Store = ContentParts['store']

/** Ids or pointers in one question. */
const maxAsked = 1_000
/** Bytes of a question. */
const maxBodyBytes = 1_048_576

/** Who is active: by id, by pointer (ADR-77), and the way it was asked before. */
export function activeEntitiesRoutes(routes: Routes, parts: ContentParts): void {
  const { store } = parts
  routes.takes('/entities/active', ({ body }) => activeAnswer(store, body), maxBodyBytes)
  collectionRoute(routes, parts)
  // Deprecated: the type is looked at and then left aside, as ever.
  routes.reads('/entities/:type', async (request) => {
    const type = part(request, 'type')
    if (entityTypeOf(type) === null) throw new Denial(400, `Unrecognized type: ${type}`)
    // What is parsed without a schema is text and lists of text.
    const query = request.query as Query
    const asked = { ids: all(query, 'id'), pointers: all(query, 'pointer') }
    const fields = fieldsOf(first(query, 'fields'))
    return entitiesAnswer(await found(store, asked), list, fields)
  })
}

async function activeAnswer(store: Store, body: unknown): Promise<Answer> {
  const value = jsonOf(body)
  const asked = { ids: textsOf(value, 'ids'), pointers: textsOf(value, 'pointers') }
  return entitiesAnswer(await found(store, asked), list)
}

interface Asked {
  readonly ids: readonly string[]
  readonly pointers: readonly string[]
}

async function found(store: Store, { ids, pointers }: Asked): Promise<readonly EntityFile[]> {
  if (ids.length > 0 === pointers.length > 0) {
    throw new Denial(400, 'ids or pointers must be present, but not both')
  }
  if (ids.length + pointers.length > maxAsked) {
    throw new Denial(400, `No more than ${maxAsked} ids or pointers can be asked for at once`)
  }
  if (ids.length > 0) return store.activeByIds([...new Set(ids.filter(isContentHash))])
  const lowered = storable(pointers).map((pointer) => pointer.toLowerCase())
  return store.activeByPointers([...new Set(lowered)])
}

function jsonOf(body: unknown): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : '')
  } catch {
    throw new Denial(400, 'The body is not valid JSON')
  }
}

/** The list under a name; what is missing is empty. */
function textsOf(value: unknown, name: string): readonly string[] {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return []
  const texts: unknown = (value as Record<string, unknown>)[name]
  if (texts === null || texts === undefined) return []
  if (!Array.isArray(texts) || !texts.every((text) => typeof text === 'string' && text !== '')) {
    throw new Denial(400, `${name} must be an array of non-empty strings`)
  }
  return texts
}

/** Separated by commas, in whatever case; all where none are named. */
function fieldsOf(text: string | undefined): readonly EntityField[] {
  if (text === undefined) return entityFields
  const named = new Set(text.split(',').map((name) => name.trim().toLowerCase()))
  return entityFields.filter((field) => named.has(field))
}

const list = { start: '[', end: ']' }
