import { errorAnswer } from './answer.ts'
import type { Routes } from './route.ts'

/**
 * `GET /deployments`, deprecated since ADR-52, is gone: 410 with what replaces it. An empty list would be taken for a
 * node without content; all of history a request is what the new protocol is there to end.
 */
export function deploymentsRoute(routes: Routes, prefix: string): void {
  const links = `<${prefix}/pointer-changes>; rel="successor-version"`
  const answer = errorAnswer(
    410,
    'GET /deployments is deprecated since ADR-52 and not served here: use /snapshots and /pointer-changes to synchronise, /entities/active to look entities up, /audit to see who signed one.',
    ['link', links],
  )
  routes.reads('/deployments', () => answer)
}
