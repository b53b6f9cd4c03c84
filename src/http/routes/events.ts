import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Broadcast } from '../broadcast.ts'
import { closeSignal } from '../deadline.ts'
import { ownerOf, type Directory } from '../directory.ts'
import { problemResponses } from '../problem.ts'
import { StatusQuery } from '../status.ts'
import type { Web } from '../web.ts'

export interface EventsRouteParts {
  readonly registry: Directory
  readonly broadcast: Broadcast
}

/** `GET /api/events`: what `/api/status` answers to the same question, live. */
export function eventsRoute(web: Web, { registry, broadcast }: EventsRouteParts): void {
  const schema = {
    summary: 'The status, live',
    description:
      'Server-sent events. An event `status`, whose data is what /api/status answers to the same query, comes at once ' +
      'and whenever that changed, at most four times a second; a slow client gets the latest state only.',
    tags: ['status'],
    querystring: StatusQuery,
    response: {
      200: {
        description: 'Endless.',
        content: { 'text/event-stream': { schema: Type.Unsafe<Readable>(Type.String()) } },
      },
      ...problemResponses,
    },
  }
  web.get('/api/events', { schema, exposeHeadRoute: false }, async ({ query }, reply) => {
    const signal = closeSignal(reply.raw)
    if (query.user !== undefined) await ownerOf(registry, query.user)
    const onStuck = (): void => {
      reply.raw.destroy()
    }
    const events = broadcast.watch(query, { onStuck, signal })
    // One event is made ahead, no more.
    const stream = Readable.from(events, { objectMode: false, highWaterMark: 1 })
    // Nothing is asked on this connection afterwards; a proxy must not collect what is live.
    reply.headers({ connection: 'close', 'x-accel-buffering': 'no' }).type('text/event-stream')
    return reply.send(stream)
  })
}
