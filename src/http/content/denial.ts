import type { FastifyRequest } from 'fastify'
import { asSyncError, SyncError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { Refused } from '../../content/deploying.ts'
import { statusOf } from '../problem.ts'
import { errorAnswer, errorsAnswer, type Answer } from './answer.ts'

/** A request is turned down, in the words that clients of the network know. Never leaves this folder but as an answer. */
export class Denial extends Error {
  override readonly name = 'Denial'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** What was thrown, as the answer to it; what is our own fault is logged once and told to nobody. */
export function answerTo(thrown: unknown, request: FastifyRequest, log: Log): Answer {
  if (thrown instanceof Refused) return errorsAnswer(thrown.errors)
  if (thrown instanceof Denial) return errorAnswer(thrown.status, thrown.message, later(thrown))
  const ofFramework = clientErrorStatus(thrown)
  if (ofFramework !== null && thrown instanceof Error) {
    return errorAnswer(ofFramework, thrown.message)
  }
  const error = asSyncError(thrown)
  const status = statusOf[error.code]
  if (status < 500) return errorAnswer(status, error.message)
  // Who left is told nothing, and that he left is no news.
  if (!request.raw.destroyed || error.code !== 'cancelled') write(log, request, error)
  const text = passing.has(status) ? error.message : (told.get(status) ?? internal)
  return errorAnswer(status, text, later({ status }))
}

function write(log: Log, { method, routeOptions }: FastifyRequest, error: SyncError): void {
  const fields = { method, route: routeOptions.url, code: error.code, error }
  if (passing.has(statusOf[error.code])) log.warn(fields, 'a request for content was not served')
  else log.error(fields, 'a request for content failed')
}

/** Of what passes by itself. */
function later({ status }: { readonly status: number }): readonly string[] {
  return status === 503 ? ['retry-after', String(retryAfterSeconds)] : []
}

/** Of errors that the framework throws about a request: malformed, too large. */
function clientErrorStatus(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || thrown instanceof SyncError) return null
  if (!('statusCode' in thrown) || typeof thrown.statusCode !== 'number') return null
  return thrown.statusCode >= 400 && thrown.statusCode < 500 ? thrown.statusCode : null
}

/** What passes by itself, or lies with others: the message says nothing of our insides. */
const passing: ReadonlySet<number> = new Set([502, 503, 504])
/** What a client should know, without knowing where. */
const told: ReadonlyMap<number, string> = new Map([[507, 'There is no space left on this server']])
const internal = 'Internal Server Error'
const retryAfterSeconds = 5
