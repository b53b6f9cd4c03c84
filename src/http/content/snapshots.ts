import type { FastifyRequest } from 'fastify'
import { ownHeader, type Answer } from './answer.ts'
import type { ContentParts, ReadyJson } from './content-parts.ts'
import { Denial } from './denial.ts'
import { isNamed } from './etag.ts'
import type { Routes } from './route.ts'

/** `GET /snapshots` (ADR-116) and `GET /snapshot` (ADR-52): from memory, and not at all to who has them already. */
export function snapshotsRoutes(routes: Routes, { snapshots }: ContentParts): void {
  routes.reads('/snapshots', (request) => {
    const ready = snapshots.offered?.body ?? null
    return readyAnswer(ready, request, 'New Snapshots not yet created')
  })
  routes.reads('/snapshot', (request) => {
    const ready = snapshots.offered?.legacy ?? null
    return readyAnswer(ready, request, 'Snapshot not yet created')
  })
}

function readyAnswer(ready: ReadyJson | null, { headers }: FastifyRequest, notYet: string): Answer {
  if (ready === null) throw new Denial(503, notYet)
  const { bytes, etag } = ready
  // Asked about each time, for a new list replaces it; mostly answered without it.
  const about = ['etag', etag, 'cache-control', 'no-cache', ...ownHeader]
  if (isNamed(etag, headers['if-none-match'])) return { status: 304, headers: about, body: null }
  return { status: 200, headers: ['content-type', 'application/json', ...about], body: bytes }
}
