import fastify, { type FastifyInstance } from 'fastify'
import { write } from './answer.ts'
import { usualPrefix, type ContentParts } from './content-parts.ts'
import { contentRoutes } from './content-routes.ts'
import { answerTo } from './denial.ts'
import { firstPart, hasBody, hurry, isBelow, isForm, share, type Listener } from './shared-port.ts'
import { usualUploadLimits } from './upload.ts'

/**
 * Serves the content API below its prefix on the server of another face, which goes on to answer everything else. They
 * share a port and nothing more: here are no token, no schemas and no hooks, so that it costs little and lets in
 * whoever comes.
 */
export async function mountContent(house: FastifyInstance, parts: ContentParts): Promise<void> {
  const { prefix = usualPrefix, limits = usualUploadLimits, clock } = parts
  const { face, firsts } = await contentFace(parts, prefix)
  const { server } = house
  const ours: Listener = (request, response) => face.routing(request, response)
  const usualMs = server.requestTimeout
  // A form may take its time, and is watched where it is read; all other bodies have as long as before.
  server.requestTimeout = Math.max(usualMs, limits.ms)
  share(server, (request, others) => {
    const { url = '' } = request
    // At the root, what the other face has stays where it is.
    const isOurs = prefix === '' ? firsts.has(firstPart(url)) : isBelow(prefix, url)
    const listener = isOurs ? ours : others
    const isHurried = hasBody(request) && !(isOurs && isForm(request))
    return isHurried ? hurry(usualMs, clock, listener) : listener
  })
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

/** Bytes of a body that is no form, where the route does not say otherwise. */
const maxBodyBytes = 65_536
/** Characters of one part of a path: all that the server takes of an address, for what is too long is known to nobody. */
const maxParamLength = 32_768
