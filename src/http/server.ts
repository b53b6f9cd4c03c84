import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Operations } from '../engine/operations.ts'
import type { TaskStore } from '../engine/task-store.ts'
import type { Catalogue } from '../library/catalogue.ts'
import { Gate, inUrl, nearHost, type Access } from './access.ts'
import { Broadcast } from './broadcast.ts'
import { mountContent } from './content/content-face.ts'
import type { ContentParts } from './content/content-parts.ts'
import type { Covers } from './covers.ts'
import type { Directory } from './directory.ts'
import { answerSocket, ErrorReply, schemaRefusal } from './error-reply.ts'
import { Health, type Check } from './health.ts'
import type { Metrics } from './metrics.ts'
import { Album, Artist, Track } from './music.ts'
import { openapiDocument } from './openapi.ts'
import { Problem, Refusal, type RefusalCode } from './problem.ts'
import type { Progress } from './progress.ts'
import { coversRoute } from './routes/covers.ts'
import { eventsRoute } from './routes/events.ts'
import { healthRoute } from './routes/health.ts'
import { metricsRoute } from './routes/metrics.ts'
import { openapiRoute } from './routes/openapi.ts'
import { searchRoute } from './routes/search.ts'
import { sourcesRoutes } from './routes/sources.ts'
import { statusRoute } from './routes/status.ts'
import { tasksRoutes } from './routes/tasks.ts'
import { tracksRoute } from './routes/tracks.ts'
import { securityHeaders } from './security-headers.ts'
import { Counts, SourceState, UserState } from './status.ts'
import type { Web } from './web.ts'
import { FailedTask, Work } from './work.ts'

export interface HttpParts {
  readonly registry: Directory
  readonly operations: Operations
  readonly catalogue: Pick<Catalogue, 'tracks' | 'search'>
  readonly tasks: Pick<TaskStore, 'stalls'>
  readonly covers: Covers
  readonly progress: Progress
  readonly metrics: Metrics
  /** What `/health` looks at besides stalls. */
  readonly checks: () => Promise<readonly Check[]>
  readonly log: Log
  readonly clock: Clock
  readonly access: Access
  readonly version: string
  /** Of a content node: what stands behind its API, which everybody may use. */
  readonly content?: ContentParts
}

/** What a process that only does the work tells of itself. */
export type WorkerParts = Pick<
  HttpParts,
  'tasks' | 'metrics' | 'checks' | 'log' | 'clock' | 'access' | 'version'
>

/** The HTTP face, ready to listen. Throws `bad-input` when the address needs a token and there is none. */
export async function createServer(parts: HttpParts): Promise<HttpServer> {
  const web = openWeb(parts, 'unknown-path')
  const broadcast = new Broadcast(parts)
  web.addHook('preClose', async () => broadcast.close())
  await web.register(swagger, openapiDocument(parts.version))
  for (const schema of namedSchemas) web.addSchema(schema)
  addRoutes(web, parts, broadcast)
  if (parts.content !== undefined) await mountContent(web, parts.content)
  return new HttpServer(web, parts)
}

/** The same door, and behind it nothing but `/health` and `/metrics`. Throws as `createServer` does. */
export async function createWorkerServer(parts: WorkerParts): Promise<HttpServer> {
  const web = openWeb(parts, 'not-served')
  web.addSchema(Problem)
  addOperationRoutes(web, parts)
  return new HttpServer(web, parts)
}

/** Who comes in and how errors are answered, whatever there is to ask for. */
function openWeb(parts: Pick<HttpParts, 'access' | 'log'>, nothingThere: RefusalCode): Web {
  const gate = new Gate(parts.access)
  const errors = new ErrorReply(parts.log)
  const web: Web = fastify({
    ...limits,
    logger: false,
    // What a schema does not name is refused rather than dropped: a misspelt parameter is told to be one.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
    schemaErrorFormatter: schemaRefusal,
    frameworkErrors: (error, request, reply) => errors.send(error, request, reply),
    clientErrorHandler: answerSocket,
  }).withTypeProvider<TypeBoxTypeProvider>()
  web.server.maxConnections = maxConnections
  web.server.headersTimeout = headersTimeoutMs
  web.setErrorHandler((error, request, reply) => errors.send(error, request, reply))
  web.setNotFoundHandler(({ method }) => {
    throw new Refusal(nothingThere, `There is nothing to ${method} at this path.`)
  })
  web.addHook('onRequest', async ({ method, headers, routeOptions, socket }, reply) => {
    reply.headers(securityHeaders)
    gate.check({ method, headers, route: routeOptions.url, port: socket.localPort })
  })
  return web
}

function addOperationRoutes(web: Web, parts: WorkerParts): void {
  healthRoute(web, { health: new Health(parts) })
  metricsRoute(web, parts)
}

function addRoutes(web: Web, parts: HttpParts, broadcast: Broadcast): void {
  addOperationRoutes(web, parts)
  statusRoute(web, parts)
  eventsRoute(web, { registry: parts.registry, broadcast })
  tracksRoute(web, parts)
  searchRoute(web, parts)
  coversRoute(web, parts)
  sourcesRoutes(web, parts)
  tasksRoutes(web, parts)
  openapiRoute(web)
}

/** What schemas refer to by name. */
const namedSchemas = [
  Problem,
  Counts,
  SourceState,
  UserState,
  FailedTask,
  Work,
  Track,
  Artist,
  Album,
]

/** The server's life: it listens, and it closes. */
export class HttpServer {
  readonly #web: Web
  readonly #host: string
  readonly #clock: Clock

  constructor(web: Web, { access, clock }: Pick<HttpParts, 'access' | 'clock'>) {
    this.#web = web
    // The name may stand for two addresses; one of them is enough.
    this.#host = access.host === 'localhost' ? '127.0.0.1' : access.host
    this.#clock = clock
  }

  /** Listens on the port, 0 for a free one; resolves to the URL that it can be reached by on this machine. */
  async listen(port: number): Promise<URL> {
    const place = `${inUrl(this.#host)}:${port}`
    try {
      await this.#web.listen({ host: this.#host, port })
    } catch (cause) {
      const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
      const why = cause instanceof Error ? cause.message : String(cause)
      const message = isTaken
        ? `Another process listens on ${place}: give another port with --port.`
        : `Listening on ${place} failed: ${why}.`
      throw new SyncError('bad-input', message, { cause })
    }
    const bound = this.#web.server.address()
    const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port
    return new URL(`http://${inUrl(nearHost(this.#host))}:${boundPort}`)
  }

  /** Takes no more requests, ends live streams, gives the others `drainMs`, and cuts what is left then. */
  async close(): Promise<void> {
    const cancel = this.#clock.after(drainMs, () => this.#web.server.closeAllConnections())
    await this.#web.close()
    cancel()
  }
}

/** Connections open at the same time; the next one is closed at once. */
const maxConnections = 1_000
/** Milliseconds in which the headers of a request have to come. */
const headersTimeoutMs = 10_000
/** Milliseconds that requests under way are given when the server closes. */
const drainMs = 5_000

const limits = {
  /** Bytes. */
  bodyLimit: 64 * 1_024,
  /** Bytes of the address and all headers together; the longest page mark fits in. */
  http: { maxHeaderSize: 32 * 1_024 },
  /** Milliseconds in which a whole request has to come. */
  requestTimeout: 30_000,
  /** Milliseconds without a byte in either direction; live streams have their heartbeat. */
  connectionTimeout: 120_000,
  /** Milliseconds that a connection is kept for a next request. */
  keepAliveTimeout: 30_000,
  routerOptions: {
    /** Characters of one part of a path. */
    maxParamLength: 800,
  },
} as const
