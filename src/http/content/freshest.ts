import type { StoredDeployment } from '../../content/content-store.ts'
import type { EntityType } from '../../content/entity.ts'
import { isUnlisted } from '../../content/unlisted.ts'
import { closeSignal } from '../deadline.ts'
import { jsonAnswer, ownHeader, type Answer } from './answer.ts'
import { limitOf, maxChanges, queryOf } from './change-query.ts'
import type { ContentParts } from './content-parts.ts'
import { freshText } from './delta-text.ts'
import { Denial } from './denial.ts'
import type { News } from './news.ts'
import { all, entityTypeOf, first, integer, storable, type Query } from './query.ts'
import type { Routes } from './route.ts'

/** Pages of the store that are gone through for one answer. */
const maxPages = 5
/** Milliseconds that news are waited for. */
const maxWaitMs = 30_000

/**
 * Beyond the protocol, for nodes like this one: `GET /freshest` has of each pointer only the latest, without history and
 * metadata; `GET /freshest/news` answers once there is something behind `since`.
 */
export function freshestRoutes(routes: Routes, parts: ContentParts, news: News): void {
  // What is parsed without a schema is text and lists of text.
  routes.reads('/freshest', ({ query }) => freshAnswer(parts.store, freshQueryOf(query as Query)))
  routes.reads('/freshest/news', async ({ query }, response) => {
    const [since, wait] = ['since', 'wait'].map((name) => integer(query as Query, name) ?? 0)
    const signal = closeSignal(response)
    const newest = await news.after(since ?? 0, Math.min(wait ?? 0, maxWaitMs), signal)
    return jsonAnswer(JSON.stringify({ newest }), uncached)
  })
}

interface FreshQuery {
  /** Local time in milliseconds since 1970, included. */
  readonly from: number
  /** Behind this one of that time. */
  readonly lastId: string
  /** Only what no snapshot has and yet has to be known: what is dead, most of all. */
  readonly isOnlyUnlisted: boolean
  readonly types: readonly EntityType[]
  readonly limit: number
}

function freshQueryOf(query: Query): FreshQuery {
  const only = first(query, 'only')
  if (only !== undefined && only !== 'unlisted')
    throw new Denial(400, "'only' is 'unlisted', or left out")
  const names = all(query, 'types').flatMap((list) => list.split(','))
  return {
    from: integer(query, 'from') ?? 0,
    lastId: storable([first(query, 'lastId') ?? ''])
      .join('')
      .toLowerCase(),
    isOnlyUnlisted: only === 'unlisted',
    types: names.map((name) => {
      const type = entityTypeOf(name)
      if (type === null) throw new Denial(400, 'Found an unrecognized entity type')
      return type
    }),
    limit: limitOf(query),
  }
}

/** `next` always tells where to go on, `moreData` whether there is something by now. */
async function freshAnswer(store: ContentParts['store'], asked: FreshQuery): Promise<Answer> {
  const shown: string[] = []
  let at = { ms: asked.from, id: asked.lastId }
  let isMore = true
  for (let page = 0; page < maxPages && isMore && shown.length < asked.limit; page++) {
    const size = asked.isOnlyUnlisted ? maxChanges : asked.limit
    const rows = await store.freshest(at.ms, at.id, asked.types, size)
    const taken = takenOf(rows, asked, asked.limit - shown.length)
    shown.push(...taken.filter((row) => isAsked(row, asked)).map(freshText))
    const last = taken.at(-1)
    if (last !== undefined) at = { ms: last.localMs, id: last.entityId }
    isMore = rows.length === size || taken.length < rows.length
  }
  const next = nextOf(asked, at)
  const pagination = JSON.stringify({ limit: asked.limit, moreData: isMore, next })
  return jsonAnswer(`{"deltas":[${shown.join(',')}],"pagination":${pagination}}`, uncached)
}

/** The rows up to the one that fills the page. */
function takenOf<Row extends StoredDeployment>(
  rows: readonly Row[],
  asked: FreshQuery,
  room: number,
): readonly Row[] {
  let left = room
  const end = rows.findIndex((row) => isAsked(row, asked) && --left === 0)
  return end < 0 ? rows : rows.slice(0, end + 1)
}

function isAsked(row: StoredDeployment, { isOnlyUnlisted }: FreshQuery): boolean {
  return !isOnlyUnlisted || isUnlisted(row)
}

function nextOf(
  { isOnlyUnlisted, types, limit }: FreshQuery,
  at: { readonly ms: number; readonly id: string },
): string {
  return queryOf([
    ['from', at.ms],
    ['lastId', at.id === '' ? undefined : at.id],
    ['only', isOnlyUnlisted ? 'unlisted' : undefined],
    ['types', types.length === 0 ? undefined : types.join(',')],
    ['limit', limit],
  ])
}

const uncached = [...ownHeader, 'cache-control', 'no-store'] as const
