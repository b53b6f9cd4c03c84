import { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** What a route gives: it is written as it stands, with what CORS asks for. */
export interface Answer {
  readonly status: number
  /** Names and values in turns: the form that costs Node least. The length is told by the body, or stands here. */
  readonly headers: readonly string[]
  /** A stream is read to its end or destroyed. */
  readonly body: Uint8Array | Readable | null
}

/** Says that our own additions to the protocol are spoken here. */
export const ownHeader = ['roundelay-content', '1'] as const

export function jsonAnswer(text: string, headers: readonly string[] = []): Answer {
  return { status: 200, headers: [...jsonType, ...headers], body: Buffer.from(text) }
}

/** The same of pieces, which need not be one text before they are bytes: a page of changes is most of a megabyte. */
export function piecesAnswer(pieces: readonly string[], headers: readonly string[] = []): Answer {
  const body = Buffer.allocUnsafe(
    pieces.reduce((bytes, piece) => bytes + Buffer.byteLength(piece), 0),
  )
  let end = 0
  for (const piece of pieces) end += body.write(piece, end)
  return { status: 200, headers: [...jsonType, ...headers], body }
}

/** The shape of every error but those of a refused deployment. */
export function errorAnswer(
  status: number,
  message: string,
  headers: readonly string[] = [],
): Answer {
  const body = Buffer.from(JSON.stringify({ error: message }))
  return { status, headers: [...jsonType, ...headers], body }
}

/** Why a deployment was refused. */
export function errorsAnswer(errors: readonly string[]): Answer {
  return { status: 400, headers: jsonType, body: Buffer.from(JSON.stringify({ errors })) }
}

export function textAnswer(status: number, text: string): Answer {
  return { status, headers: ['content-type', 'text/plain'], body: Buffer.from(text) }
}

/** `204` to a browser that asks what it may do. */
export const preflight: Answer = {
  status: 204,
  headers: [
    'access-control-allow-methods',
    'GET,HEAD,POST,PUT,DELETE,CONNECT,TRACE,PATCH,OPTION',
    'access-control-allow-headers',
    'Cache-Control,Content-Type,Origin,Accept,User-Agent,X-Upload-Origin',
    'access-control-max-age',
    '86400',
  ],
  body: null,
}

/** Past the framework, which would look at every header again. Nothing is written twice: who comes late is left out. */
export function write(request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
  const { body } = answer
  const { raw } = reply
  if (!reply.sent) reply.hijack()
  if (raw.headersSent || raw.destroyed) {
    if (isStream(body)) body.destroy()
    return
  }
  raw.writeHead(answer.status, headersOf(request, answer))
  if (request.method !== 'HEAD' && isStream(body)) send(body, raw)
  else {
    raw.end(request.method === 'HEAD' || isStream(body) ? undefined : body)
    if (isStream(body)) body.destroy()
  }
}

function headersOf({ headers: { origin } }: FastifyRequest, answer: Answer): string[] {
  const headers = [...answer.headers]
  if (answer.body instanceof Uint8Array) {
    headers.push('content-length', String(answer.body.length))
  }
  // What is kept by others on the way has to be kept for each origin on its own.
  headers.push('vary', 'Origin')
  if (origin === undefined) return headers
  headers.push('access-control-allow-origin', origin, 'access-control-allow-credentials', 'true')
  return headers
}

function isStream(body: Answer['body']): body is Readable {
  return body !== null && !(body instanceof Uint8Array)
}

/** Breaks the answer off where the body breaks off, so that nobody takes it for whole. */
function send(body: Readable, raw: ServerResponse): void {
  pipeline(body, raw, (error) => {
    if (error) raw.destroy()
  })
}

const jsonType = ['content-type', 'application/json'] as const
