import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import { write } from './answer.ts'
import { usualPrefix, type ContentParts } from './content-parts.ts'
import { contentRoutes } from './content-routes.ts'
import { answerTo } from './denial.ts'
import { usualUploadLimits } from './upload.ts'

/**
 * Serves the content API below its prefix on the server of another face, which goes on to answer everything else. They
 * share a port and nothing more: here are no token, no schemas and no hooks, so that it costs little and lets in
 * whoever comes.
 */
export async function mountContent(house: FastifyInstance, parts: ContentParts): Promise<void> {
  const { prefix = usualPrefix, limits = usualUploadLimits } = parts
  const { face, firsts } = await contentFace(parts, prefix)
  // The bodies of the other face are small; a form may take its time, and is watched where it is read.
  house.server.requestTimeout = Math.max(house.server.requestTimeout, limits.ms)
  // At the root, what the other face has stays where it is.
  const isOurs = prefix === '' ? firstPartIn(firsts) : below(prefix)
  divert(house.server, isOurs, (request, response) => face.routing(request, response))
  house.addHook('preClose', () => face.close())
}

interface Face {
  readonly face: FastifyInstance
  /** What the paths of its routes begin with. */
  readonly firsts: ReadonlySet<string>
}

async function contentFace(parts: ContentParts, prefix: string): Promise<Face> {
  const face = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    routerOptions: { maxParamLength },
    frameworkErrors: (error, request, reply) => {
      write(request, reply, answerTo(error, request, parts.log))
    },
  })
  const firsts = new Set<string>()
  face.addHook('onRoute', ({ url }) => void firsts.add(firstPart(url)))
  await face.register(async (web) => contentRoutes(web, parts), { prefix })
  await face.ready()
  return { face, firsts }
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void

function divert(server: Server, isOurs: (url: string) => boolean, ours: Listener): void {
  // The server was made by the framework, and so were its listeners.
  const others = server.listeners('request') as Listener[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (isOurs(request.url ?? '')) ours(request, response)
    else for (const other of others) other(request, response)
  })
}

function below(prefix: string): (url: string) => boolean {
  return (url) => url.startsWith(prefix) && ends.has(url[prefix.length])
}

function firstPartIn(firsts: ReadonlySet<string>): (url: string) => boolean {
  return (url) => firsts.has(firstPart(url))
}

function firstPart(url: string): string {
  return /^\/([^/?]*)/.exec(url)?.[1] ?? ''
}

/** What may stand behind a path that is whole. */
const ends: ReadonlySet<string | undefined> = new Set([undefined, '/', '?'])
/** Bytes of a body that is no form, where the route does not say otherwise. */
const maxBodyBytes = 65_536
/** Characters of one part of a path: all that the server takes of an address, for what is too long is known to nobody. */
const maxParamLength = 32_768
