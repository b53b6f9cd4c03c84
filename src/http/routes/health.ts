import { HealthReport, type Health } from '../health.ts'
import type { Web } from '../web.ts'

export interface HealthRouteParts {
  readonly health: Health
}

/** `GET /health`: 200 when all is well, 503 when not. The one route that never needs a token. */
export function healthRoute(web: Web, { health }: HealthRouteParts): void {
  const schema = {
    summary: 'Whether the server does what it is for',
    description:
      'Fails when owed or due work has not moved for ten minutes (a drive is stuck, or no process does the work), or a check of the server itself fails. A pause by an operator is named and is no failure.',
    tags: ['operation'],
    security: [],
    response: { 200: HealthReport, 503: HealthReport },
  }
  web.get('/health', { schema }, async (_request, reply) => {
    const report = await health.look()
    return reply.code(report.status === 'ok' ? 200 : 503).send(report)
  })
}
