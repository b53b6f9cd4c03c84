import { Type } from 'typebox'
import type { Metrics } from '../metrics.ts'
import { problemResponses } from '../problem.ts'
import type { Web } from '../web.ts'

export interface MetricsRouteParts {
  readonly metrics: Metrics
}

/** `GET /metrics` in the text format of Prometheus. */
export function metricsRoute(web: Web, { metrics }: MetricsRouteParts): void {
  const schema = {
    summary: 'Figures for Prometheus',
    tags: ['operation'],
    produces: ['text/plain'],
    response: {
      200: {
        description: 'Text format 0.0.4.',
        content: { 'text/plain': { schema: Type.String() } },
      },
      ...problemResponses,
    },
  }
  web.get('/metrics', { schema }, async (_request, reply) => {
    const text = await metrics.text()
    return reply.type(metrics.contentType).send(text)
  })
}
