import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import type { Log } from '../base/log.ts'
import { problemHeaders, problemOf, problemType, Refusal, type Problem } from './problem.ts'
import { securityHeaders } from './security-headers.ts'

/** Every error, wherever it comes up, is answered as a problem and logged once. */
export class ErrorReply {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** To a request that was understood. */
  send(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemOf(thrown)
    // Who left is told nothing, and that he left is no news.
    if (!reply.raw.destroyed) this.#write(thrown, problem, request)
    void reply
      .code(problem.status)
      .headers({ ...securityHeaders, ...problemHeaders(thrown, problem.status) })
      .type(problemType)
      .send(JSON.stringify(problem))
  }

  /** The particulars name the route and not the address that was asked for: an address may hold anything. */
  #write(thrown: unknown, { status, code, detail }: Problem, request: FastifyRequest): void {
    const fields = { method: request.method, route: request.routeOptions.url, status, code }
    if (ownFaults.has(status)) this.#log.error({ ...fields, error: thrown }, 'a request failed')
    else if (status >= 500) this.#log.warn({ ...fields, detail }, 'a request could not be served')
    else this.#log.debug({ ...fields, detail }, 'a request was turned down')
  }
}

/** 500 and 507: here something is wrong; other statuses of the fives are a drive's doing, or pass by themselves. */
const ownFaults: ReadonlySet<number> = new Set([500, 507])

/** Bytes that are no request, or one whose headers are too long or too late: there is nothing to reply to but a socket. */
export function answerSocket(error: { readonly code: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = parserStatuses.get(error.code) ?? 400
  const body = JSON.stringify({
    ...problemOf(
      new Refusal('bad-request', 'The request could not be understood, or came too slowly.'),
    ),
    title: STATUS_CODES[status],
    status,
  })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${problemType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

/** By the codes of Node's parser and server. */
const parserStatuses: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

/** What a schema does not admit, in words: `querystring: limit must be <= 500`. */
export function schemaRefusal(
  errors: readonly FastifySchemaValidationError[],
  part: string,
): Refusal {
  const [error] = errors
  if (error === undefined) return new Refusal('bad-request', `The ${part} is no good.`)
  const name = error.instancePath.replace(/^\//, '')
  const { additionalProperty } = error.params
  const what =
    typeof additionalProperty === 'string'
      ? `there is no "${additionalProperty}" here`
      : `${name} ${error.message ?? 'is no good'}`.trim()
  return new Refusal('bad-request', `The ${part} is no good: ${what}.`)
}
