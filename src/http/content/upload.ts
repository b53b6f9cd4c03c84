import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Upload } from '../../content/deploying.ts'
import { hashForm } from '../../content/hashing.ts'
import { Denial } from './denial.ts'
import { chainOfForm } from './form-chain.ts'
import { Form, type FormLimits, type FormParts } from './form.ts'

export interface UploadLimits extends FormLimits {
  /** Requests under way at the same time. */
  readonly uploads: number
  /** Bytes of small files that all of them together keep in memory. */
  readonly heldBytes: number
  /** Milliseconds from the first byte to the answer. */
  readonly ms: number
}

/** Those of the network's servers, where they have any. */
export const usualUploadLimits: UploadLimits = {
  fileBytes: 100 * 1_048_576,
  files: 3_000,
  fields: 100,
  fieldBytes: 100 * 1_024,
  totalBytes: 2_048 * 1_048_576,
  slowestRate: 4_096,
  patienceMs: 15_000,
  uploads: 64,
  heldBytes: 512 * 1_048_576,
  ms: 15 * 60_000,
}

/** What a form brings. Throws as `Form` does; then nothing of it is left. */
export async function readUpload(request: IncomingMessage, parts: FormParts): Promise<Upload> {
  const form = new Form(request, parts)
  try {
    const files = await form.read()
    const entityId = form.fields.get('entityId') ?? ''
    if (entityId === '') throw new Denial(400, 'Missing required field: entityId')
    if (form.isIdLate && hashForm(entityId) === 0) {
      throw new Denial(400, 'The field entityId has to come before the files')
    }
    return { entityId, authChain: chainOfForm(form.fields), files }
  } catch (error) {
    await form.drop()
    throw error
  }
}

/**
 * Lets a client who was turned down say what is left, up to a bound: most read the answer only then. Resolves to whether
 * all was said.
 */
export function hearOut(request: IncomingMessage, clock: Clock): Promise<boolean> {
  if (request.readableEnded || request.destroyed) return Promise.resolve(request.readableEnded)
  return new Promise((resolve) => {
    let bytes = 0
    const take = (chunk: Uint8Array): void => {
      bytes += chunk.length
      if (bytes > hearBytes) end()
    }
    const end = (): void => {
      cancel()
      request.off('data', take).off('end', end).off('close', end)
      resolve(request.readableEnded)
    }
    const cancel = clock.after(hearMs, end)
    request.on('data', take).on('end', end).on('close', end)
    request.resume()
  })
}

const hearBytes = 16 * 1_048_576
const hearMs = 2_000
