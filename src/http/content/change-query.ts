import type { Change, ChangeQuery } from '../../content/content-store.ts'
import type { EntityType } from '../../content/entity.ts'
import { Denial } from './denial.ts'
import { all, entityTypeOf, first, integer, storable, type Query } from './query.ts'

/** What `GET /pointer-changes` is asked for. */
export interface AskedChanges extends ChangeQuery {
  /** Told back, and without meaning: the chain is always there. */
  readonly includeAuthChain: boolean
}

/** Deployments in one answer. */
export const maxChanges = 500
/** Deployments that may be passed over; a page begins behind another by `lastId`. */
const maxOffset = 5_000

/** Throws a Denial for what the network's servers do not take; most of what makes no sense counts as not given. */
export function changeQueryOf(query: Query): AskedChanges {
  const types = entityTypesOf(query)
  const offset = Math.max(0, integer(query, 'offset') ?? 0)
  if (offset > maxOffset) {
    throw new Denial(
      400,
      `Offset can't be higher than ${maxOffset}. Please use the 'next' property for pagination.`,
    )
  }
  const [from, to] = [integer(query, 'from'), integer(query, 'to')]
  const [lastId] = storable([first(query, 'lastId') ?? ''])
  return {
    types,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(lastId !== undefined && lastId !== '' && { lastId: lastId.toLowerCase() }),
    sortBy: sortByOf(first(query, 'sortingField')),
    order: orderOf(first(query, 'sortingOrder')),
    offset,
    limit: limitOf(query),
    includeAuthChain: first(query, 'includeAuthChain') === 'true',
  }
}

export function entityTypesOf(query: Query): readonly EntityType[] {
  return [
    ...new Set(
      all(query, 'entityType').map((text) => {
        const type = entityTypeOf(text)
        if (type === null) throw new Denial(400, 'Found an unrecognized entity type')
        return type
      }),
    ),
  ]
}

export function limitOf(query: Query): number {
  const limit = integer(query, 'limit') ?? maxChanges
  return limit >= 1 && limit <= maxChanges ? limit : maxChanges
}

/**
 * The query of the page behind this one, as it stands behind the path: from the last deployment on, in the direction
 * that was asked for. (The network's own servers forget the direction.)
 */
export function nextQuery(asked: AskedChanges, last: Change): string {
  const { types, sortBy, order, limit, includeAuthChain } = asked
  const lastMs = sortBy === 'local' ? last.localMs : last.timestamp
  const from = order === 'asc' ? lastMs : asked.from
  const to = order === 'desc' ? lastMs : asked.to
  return queryOf([
    ...types.map((type) => ['entityType', type] as const),
    ['from', from],
    ['to', to],
    ['includeAuthChain', includeAuthChain ? 'true' : undefined],
    ['sortingField', sortBy === 'local' ? undefined : 'entity_timestamp'],
    ['sortingOrder', order === 'desc' ? undefined : 'ASC'],
    ['limit', limit],
    ['lastId', last.entityId],
  ])
}

/** With a question mark, and without what is undefined. */
export function queryOf(
  pairs: readonly (readonly [name: string, value: string | number | undefined])[],
): string {
  const given = pairs.filter(([, value]) => value !== undefined)
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`).join('&')}`
}

/** Also in the camel case of older clients. */
function sortByOf(text: string | undefined): ChangeQuery['sortBy'] {
  if (text === undefined || text === 'local_timestamp' || text === 'localTimestamp') return 'local'
  if (text === 'entity_timestamp' || text === 'entityTimestamp') return 'entity'
  throw new Denial(400, 'Found an unrecognized sort field param')
}

function orderOf(text: string | undefined): ChangeQuery['order'] {
  if (text === undefined || text === 'DESC') return 'desc'
  if (text === 'ASC') return 'asc'
  throw new Denial(400, 'Found an unrecognized sort order param')
}
