import { parseUrn } from '@dcl/urn-resolver'
import type { ContentParts } from './content-parts.ts'
import { Denial } from './denial.ts'
import { entitiesAnswer } from './entity-list.ts'
import { first, type Query } from './query.ts'
import { part, type Routes } from './route.ts'

/** Entities in one answer. */
const maxPage = 1_000
const presetPage = 100

/** `GET /entities/active/collections/:urn`: all items of a collection that are active. */
export function collectionRoute(routes: Routes, { store }: ContentParts): void {
  routes.reads('/entities/active/collections/:urn', async (request) => {
    const urn = part(request, 'urn')
    const prefix = await prefixOf(urn)
    if (prefix === null) {
      throw new Denial(
        400,
        `Invalid collection urn param, it must be a valid urn prefix of a collection or an item in the collection or base wearables, instead: '${urn}'`,
      )
    }
    // What is parsed without a schema is text and lists of text.
    const { total, entities } = await store.activeByPrefix(prefix, pageOf(request.query as Query))
    return entitiesAnswer(entities, { start: `{"total":${total},"entities":[`, end: ']}' })
  })
}

/** How the pointers of its items begin; null: it is the URN of no collection. */
async function prefixOf(urn: string): Promise<string | null> {
  if (!/^[\w.:,-]+$/.test(urn)) return null
  if (baseCollections.has(urn)) return urn.toLowerCase()
  const parsed = await parseUrn(urn).catch(() => null)
  if (parsed === null) return null
  // The name of one third party may begin like that of another.
  if (providers.has(parsed.type)) return `${urn.toLowerCase()}:`
  return collections.has(parsed.type) ? urn.toLowerCase() : null
}

/** `pageNum` is what the network's servers take, `pageNumber` what their description says. */
function pageOf(query: Query): { readonly offset: number; readonly limit: number } {
  const limit = positive(first(query, 'pageSize'), 'pageSize') ?? presetPage
  if (limit > maxPage) throw new Denial(400, `max allowed pageSize is ${maxPage}`)
  const number = first(query, 'pageNum') ?? first(query, 'pageNumber')
  const page = positive(number, 'pageNum') ?? 1
  return { offset: (page - 1) * limit, limit }
}

function positive(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const value = Number.parseInt(text, 10)
  if (value >= 1 && value <= maxNumber) return value
  throw new Denial(400, `${name} must be a positive integer`)
}

/** So many pages of the longest kind can still be counted. */
const maxNumber = 1_000_000_000
const baseCollections: ReadonlySet<string> = new Set([
  'urn:decentraland:off-chain:base-avatars',
  'urn:decentraland:off-chain:base-emotes',
])
const providers: ReadonlySet<string> = new Set([
  'blockchain-collection-third-party-name',
  'blockchain-collection-third-party-collection',
])
const collections: ReadonlySet<string> = new Set([
  'blockchain-collection-third-party',
  'blockchain-collection-v1',
  'blockchain-collection-v2',
  'blockchain-collection-v1-asset',
  'blockchain-collection-v2-asset',
])
