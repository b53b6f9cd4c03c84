import { isContentHash } from '../../content/hashing.ts'
import { jsonAnswer } from './answer.ts'
import type { ContentParts } from './content-parts.ts'
import { Denial } from './denial.ts'
import { entityTypeOf } from './query.ts'
import { part, type Routes } from './route.ts'

/** `GET /audit/:type/:id`: who signed an entity, when it came, and what took its place. */
export function auditRoute(routes: Routes, { store }: ContentParts): void {
  routes.reads('/audit/:type/:id', async (request) => {
    const name = part(request, 'type')
    const type = entityTypeOf(name)
    if (type === null) throw new Denial(400, `Unrecognized type: ${name}`)
    const id = part(request, 'id')
    const deployment = isContentHash(id) ? await store.deployment(type, id) : null
    if (deployment === null) throw new Denial(404, 'No deployment found')
    const { version, localMs, authChain, overwrittenBy } = deployment
    const by = overwrittenBy === null ? '' : `,"overwrittenBy":${JSON.stringify(overwrittenBy)}`
    return jsonAnswer(
      `{"version":${JSON.stringify(version)},"localTimestamp":${localMs},"authChain":${authChain}${by}}`,
    )
  })
}
