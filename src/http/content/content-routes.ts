import type { FastifyInstance } from 'fastify'
import { activeEntitiesRoutes } from './active-entities.ts'
import { preflight, textAnswer, write } from './answer.ts'
import { auditRoute } from './audit.ts'
import { availableContentRoute } from './available-content.ts'
import { usualPrefix, type ContentParts } from './content-parts.ts'
import { contentsRoutes } from './contents.ts'
import { answerTo } from './denial.ts'
import { deploymentsRoute } from './deployments.ts'
import { failedDeploymentsRoute } from './failed-deployments.ts'
import { freshestRoutes } from './freshest.ts'
import { News } from './news.ts'
import { nodeStatusRoutes } from './node-status.ts'
import { pointerChangesRoute } from './pointer-changes.ts'
import { postEntityRoute } from './post-entity.ts'
import { Routes } from './route.ts'
import { snapshotsRoutes } from './snapshots.ts'

/**
 * The content API (ADR-52, ADR-103, ADR-116, and what the network's servers answer), below no prefix: for everybody,
 * whatever page he comes from. To be given a context of its own: errors, unknown paths and bodies are handled here in the
 * ways of the network.
 */
export function contentRoutes(web: FastifyInstance, parts: ContentParts): void {
  const { log } = parts
  const news = new News(parts)
  web.addHook('preClose', async () => news.close())
  web.setErrorHandler((error, request, reply) => {
    write(request, reply, answerTo(error, request, log))
  })
  web.setNotFoundHandler((request, reply) => write(request, reply, notFound))
  takeBodies(web)
  web.options('/*', (request, reply) => write(request, reply, preflight))
  const routes = new Routes(web, log)
  snapshotsRoutes(routes, parts)
  contentsRoutes(routes, parts)
  pointerChangesRoute(routes, parts)
  freshestRoutes(routes, parts, news)
  postEntityRoute(routes, parts)
  activeEntitiesRoutes(routes, parts)
  availableContentRoute(routes, parts)
  auditRoute(routes, parts)
  failedDeploymentsRoute(routes, parts)
  nodeStatusRoutes(routes, parts)
  deploymentsRoute(routes, parts.prefix ?? usualPrefix)
}

/** Forms are left to their route; everything else is text, whatever it calls itself. */
function takeBodies(web: FastifyInstance): void {
  web.removeAllContentTypeParsers()
  web.addContentTypeParser('multipart/form-data', (_request, _body, done) => done(null))
  web.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text))
}

const notFound = textAnswer(404, 'Not found')
