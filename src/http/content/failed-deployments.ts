import type { FailedDeployment } from '../../content/content-store.ts'
import { jsonAnswer } from './answer.ts'
import type { ContentParts } from './content-parts.ts'
import { integer, type Query } from './query.ts'
import { Denial } from './denial.ts'
import type { Routes } from './route.ts'

/** Deployments in one answer. */
const maxFailures = 1_000
/** Deployments that may be passed over: all that come before are counted through. */
const maxOffset = 50_000

/** `GET /failed-deployments`: what others have and this node could not take. */
export function failedDeploymentsRoute(routes: Routes, { store }: ContentParts): void {
  routes.reads('/failed-deployments', async (request) => {
    // What is parsed without a schema is text and lists of text.
    const query = request.query as Query
    const limit = integer(query, 'limit') ?? maxFailures
    const offset = Math.max(0, integer(query, 'offset') ?? 0)
    if (offset > maxOffset) throw new Denial(400, `Offset can't be higher than ${maxOffset}.`)
    const failures = await store.failures({
      offset,
      limit: limit >= 1 ? Math.min(limit, maxFailures) : maxFailures,
    })
    return jsonAnswer(JSON.stringify(failures.map(failedOf)))
  })
}

function failedOf(failure: FailedDeployment): object {
  const { entityType, entityId, failedMs, authChain, description, snapshotHash } = failure
  return {
    entityType,
    entityId,
    failureTimestamp: failedMs,
    reason: 'Deployment error',
    authChain,
    errorDescription: description,
    ...(snapshotHash !== null && { snapshotHash }),
  }
}
