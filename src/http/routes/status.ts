import type { Directory } from '../directory.ts'
import { problemResponses } from '../problem.ts'
import { readStatus, Status, StatusQuery } from '../status.ts'
import type { Web } from '../web.ts'

export interface StatusRouteParts {
  readonly registry: Directory
}

/** `GET /api/status`: all users by name, or one. */
export function statusRoute(web: Web, { registry }: StatusRouteParts): void {
  const schema = {
    summary: 'Users, their sources, and how far the work is',
    tags: ['status'],
    querystring: StatusQuery,
    response: { 200: Status, ...problemResponses },
  }
  web.get('/api/status', { schema }, ({ query }) => readStatus(registry, query))
}
