import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Log } from '../../base/log.ts'
import { write, type Answer } from './answer.ts'
import { answerTo } from './denial.ts'

/** The response is for whoever has to know when the client leaves. */
export type Handler = (
  request: FastifyRequest,
  response: ServerResponse,
) => Answer | Promise<Answer>

/** Adds routes of which each makes an answer out of a request; what it throws is answered too. */
export class Routes {
  readonly #web: FastifyInstance
  readonly #log: Log

  constructor(web: FastifyInstance, log: Log) {
    this.#web = web
    this.#log = log
  }

  /** `GET` and, without the body, `HEAD`. */
  reads(path: string, handler: Handler): void {
    this.#add(['GET', 'HEAD'], path, handler)
  }

  /** `POST`; `bodyLimit` is in bytes. */
  takes(path: string, handler: Handler, bodyLimit?: number): void {
    this.#add(['POST'], path, handler, bodyLimit)
  }

  #add(method: string[], url: string, handler: Handler, bodyLimit?: number): void {
    const log = this.#log
    this.#web.route({
      method,
      url,
      ...(bodyLimit !== undefined && { bodyLimit }),
      handler: (request, reply) => {
        // The answer is written past the framework.
        reply.hijack()
        try {
          const answer = handler(request, reply.raw)
          if (!(answer instanceof Promise)) {
            write(request, reply, answer)
            return
          }
          answer.then(
            (made) => write(request, reply, made),
            (thrown: unknown) => write(request, reply, answerTo(thrown, request, log)),
          )
        } catch (thrown) {
          write(request, reply, answerTo(thrown, request, log))
        }
      },
    })
  }
}

/** A part of the path, decoded. */
export function part(request: FastifyRequest, name: string): string {
  // Routes without a schema have parameters of text.
  return (request.params as Readonly<Record<string, string>>)[name] ?? ''
}
