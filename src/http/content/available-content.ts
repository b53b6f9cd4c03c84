import { jsonAnswer } from './answer.ts'
import type { ContentParts } from './content-parts.ts'
import { Denial } from './denial.ts'
import { all, type Query } from './query.ts'
import type { Routes } from './route.ts'

/** Hashes in one question. */
const maxCids = 1_000

/** `GET /available-content`: what a client need not upload. */
export function availableContentRoute(routes: Routes, { blobs }: ContentParts): void {
  routes.reads('/available-content', async ({ query }) => {
    // What is parsed without a schema is text and lists of text.
    const cids = [...new Set(all(query as Query, 'cid'))]
    if (cids.length === 0) throw new Denial(400, 'Please set at least one cid.')
    if (cids.length > maxCids) throw new Denial(400, `Please set no more than ${maxCids} cids.`)
    const sizes = await blobs.sizes(cids)
    return jsonAnswer(JSON.stringify(cids.map((cid) => ({ cid, available: sizes.has(cid) }))))
  })
}
