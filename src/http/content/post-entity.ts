import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { answerSignal } from '../deadline.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import type { ContentParts } from './content-parts.ts'
import { answerTo, Denial } from './denial.ts'
import type { Routes } from './route.ts'
import { hearOut, readUpload, usualUploadLimits } from './upload.ts'
import { UploadRoom } from './upload-room.ts'

/** `POST /entities`: a deployment, as a form with the files that are not here yet. */
export function postEntityRoute(routes: Routes, parts: ContentParts): void {
  const { deploying, clock, log, limits = usualUploadLimits } = parts
  // A node that only reads has no such route.
  if (deploying === null) return
  const room = new UploadRoom(limits)
  const deploy = async (request: IncomingMessage, response: ServerResponse): Promise<Answer> => {
    if (parts.status().state === 'Bootstrapping') throw new Denial(503, bootstrapping)
    const what = 'A deployment'
    const signal = answerSignal({ clock, ms: limits.ms, what }, response)
    const place = room.enter()
    try {
      const { blobs } = parts
      const upload = await readUpload(request, { blobs, limits, place, signal, clock })
      const creationTimestamp = await deploying.deploy(upload, signal)
      return jsonAnswer(JSON.stringify({ creationTimestamp }))
    } finally {
      place.leave()
    }
  }
  routes.takes('/entities', async (request: FastifyRequest, response) => {
    try {
      return await deploy(request.raw, response)
    } catch (thrown) {
      const answer = answerTo(thrown, request, log)
      if (await hearOut(request.raw, clock)) return answer
      return { ...answer, headers: [...answer.headers, 'connection', 'close'] }
    }
  })
}

const bootstrapping = 'Deployments are not allowed while the Catalyst is bootstrapping'
