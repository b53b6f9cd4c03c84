import { problemResponses } from '../problem.ts'
import { readStatus, Status, StatusQuery, type StatusParts } from '../status.ts'
import type { Web } from '../web.ts'

/** `GET /api/status`: all users by name, or one. */
export function statusRoute(web: Web, parts: StatusParts): void {
  const schema = {
    summary: 'Users, their sources, how far the work is and what is going on',
    tags: ['status'],
    querystring: StatusQuery,
    response: { 200: Status, ...problemResponses },
  }
  web.get('/api/status', { schema }, ({ query }) => readStatus(parts, query))
}
