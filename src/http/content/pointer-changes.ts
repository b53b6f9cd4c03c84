import { ownHeader, piecesAnswer, type Answer } from './answer.ts'
import { changeQueryOf, nextQuery, type AskedChanges } from './change-query.ts'
import type { ContentParts } from './content-parts.ts'
import { deltaText } from './delta-text.ts'
import type { Query } from './query.ts'
import type { Routes } from './route.ts'

/** `GET /pointer-changes` (ADR-103): deployments, dead ones too, by time. */
export function pointerChangesRoute(routes: Routes, { store }: ContentParts): void {
  routes.reads('/pointer-changes', ({ query }) => {
    // What is parsed without a schema is text and lists of text.
    return changesAnswer(store, changeQueryOf(query as Query))
  })
}

async function changesAnswer(store: ContentParts['store'], asked: AskedChanges): Promise<Answer> {
  const { types, from, to, offset, limit, includeAuthChain } = asked
  // One more tells whether there are more.
  const { rows, isCut } = await store.changes({ ...asked, limit: limit + 1 })
  const isMore = isCut || rows.length > limit
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const filters = JSON.stringify({ entityTypes: types, from, to, includeAuthChain })
  const next = isMore && last !== undefined ? { next: nextQuery(asked, last) } : {}
  const pagination = JSON.stringify({ offset, limit, moreData: isMore, ...next })
  const deltas = shown.map((change, index) => (index === 0 ? '' : ',') + deltaText(change))
  return piecesAnswer(
    ['{"deltas":[', ...deltas, `],"filters":${filters},"pagination":${pagination}}`],
    ownHeader,
  )
}
