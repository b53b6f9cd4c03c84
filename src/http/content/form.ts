import type { IncomingMessage } from 'node:http'
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'
import { cancellation } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { asSyncError } from '../../base/errors.ts'
import type { ContentBlobs, Received } from '../../content/blobs.ts'
import { hashForm } from '../../content/hashing.ts'
import { Denial } from './denial.ts'
import { UploadPace, type PaceLimits } from './upload-pace.ts'
import type { UploadPlace } from './upload-room.ts'

export interface FormLimits extends PaceLimits {
  /** Bytes of one file. */
  readonly fileBytes: number
  readonly files: number
  /** Parts of a form that are no files. */
  readonly fields: number
  /** Bytes of one of them. */
  readonly fieldBytes: number
  /** Bytes of a whole request. */
  readonly totalBytes: number
}

export interface FormParts {
  readonly blobs: Pick<ContentBlobs, 'receive'>
  readonly limits: FormLimits
  readonly place: UploadPlace
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  readonly clock: Clock
}

/**
 * A form (RFC 7578) while it comes in: its files go to blobs as they come, whatever they are called. What it throws is a
 * Denial, or a SyncError of the blobs or of the signal; in the end files are taken over or dropped.
 */
export class Form {
  readonly fields = new Map<string, string>()
  /** A file came before the id, and is hashed in the form of today whatever the id says. */
  isIdLate = false
  readonly #request: IncomingMessage
  readonly #parts: FormParts
  readonly #over = new AbortController()
  readonly #files: Promise<Received>[] = []
  #bytes = 0

  constructor(request: IncomingMessage, parts: FormParts) {
    this.#request = request
    this.#parts = parts
  }

  /** To be called once. */
  async read(): Promise<readonly Received[]> {
    const { totalBytes } = this.#parts.limits
    if (Number(this.#request.headers['content-length'] ?? 0) > totalBytes) throw tooBig(totalBytes)
    await this.#feed(this.#parser())
    return Promise.all(this.#files)
  }

  async drop(): Promise<void> {
    const settled = await Promise.allSettled(this.#files)
    const received = settled.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    await Promise.allSettled(received.map((file) => file.drop()))
  }

  #parser(): BusboyInstance {
    const { fields, fieldBytes, files } = this.#parts.limits
    const type = this.#request.headers['content-type'] ?? ''
    if (!/^multipart\/form-data\b/i.test(type)) throw unreadable('it is no multipart/form-data')
    try {
      return new Busboy({
        headers: { ...this.#request.headers, 'content-type': type },
        // The sizes of files are watched where they are received.
        limits: {
          fields,
          fieldSize: fieldBytes,
          files,
          parts: fields + files,
          headerPairs: maxPartHeaders,
          headerSize: maxPartHeaderBytes,
        },
        fileHwm: fileBufferBytes,
      })
    } catch (thrown) {
      throw unreadable(thrown)
    }
  }

  #feed(parser: BusboyInstance): Promise<void> {
    const request = this.#request
    const { signal, limits, clock } = this.#parts
    return new Promise((resolve, reject) => {
      const pace = new UploadPace(clock, limits, () => end(tooSlow(limits)))
      const take = (chunk: Uint8Array): void => {
        this.#bytes += chunk.length
        pace.took(chunk.length)
        if (this.#bytes > limits.totalBytes) end(tooBig(limits.totalBytes))
        else if (!parser.write(chunk)) {
          request.pause()
          pace.hold()
          parser.once('drain', () => {
            pace.go()
            request.resume()
          })
        }
      }
      const finish = (): void => {
        // All has come.
        pace.end()
        parser.end()
      }
      const stop = (): void => end(cancellation(signal, what))
      const end = (error?: Error): void => {
        pace.end()
        request.off('data', take).off('end', finish)
        signal.removeEventListener('abort', stop)
        if (error === undefined) resolve()
        else {
          this.#over.abort(error)
          reject(error)
        }
      }
      this.#listen(parser, end)
      request.on('data', take).on('end', finish)
      signal.addEventListener('abort', stop, { once: true })
      if (signal.aborted) stop()
    })
  }

  #listen(parser: BusboyInstance, end: (error?: Error) => void): void {
    const { fields, files, fieldBytes } = this.#parts.limits
    const deny = (message: string) => (): void => end(new Denial(413, message))
    parser.on('filesLimit', deny(`Too many files: the maximum allowed is ${files}`))
    parser.on('fieldsLimit', deny(`Too many fields: the maximum allowed is ${fields}`))
    parser.on('partsLimit', deny(`Too many parts: the maximum allowed is ${fields + files}`))
    const cut = deny(`A field is too big: the maximum allowed is ${fieldBytes} bytes`)
    parser.on('field', (name, value, _isNameCut, isCut) => {
      if (isCut) cut()
      else this.fields.set(name, value)
    })
    parser.on('file', (_name, file) => {
      const receiving = this.#receive(file)
      receiving.catch(end)
      this.#files.push(receiving)
    })
    parser.on('error', (error) => end(unreadable(error)))
    parser.on('finish', () => end())
  }

  /** A few at a time: the others wait, and with them, once their buffers are full, the client. */
  async #receive(file: BusboyFileStream): Promise<Received> {
    // Heard of by whoever reads the file; nobody does yet.
    file.on('error', () => undefined)
    const id = this.fields.get('entityId')
    if (id === undefined) this.isIdLate = true
    const before = this.#files[this.#files.length - maxAtOnce]
    await before?.catch(() => undefined)
    const { blobs, limits, place } = this.#parts
    const { signal } = this.#over
    const form = hashForm(id ?? '') ?? 1
    const received = await blobs
      .receive(file, { maxBytes: limits.fileBytes, form, signal })
      .catch((error: unknown) => Promise.reject(this.#failure(error)))
    try {
      place.hold(received.bytes?.length ?? 0)
    } catch (error) {
      await received.drop()
      throw error
    }
    return received
  }

  #failure(error: unknown): Error {
    if (error instanceof Denial) return error
    const failure = asSyncError(error)
    if (failure.code !== 'too-big') return failure
    return new Denial(
      413,
      `A file is too big: the maximum allowed is ${this.#parts.limits.fileBytes} bytes`,
    )
  }
}

function tooBig(totalBytes: number): Denial {
  return new Denial(413, `The upload is too big: the maximum allowed is ${totalBytes} bytes`)
}

function tooSlow({ slowestRate }: PaceLimits): Denial {
  return new Denial(408, `The upload came at less than ${slowestRate} bytes a second.`)
}

function unreadable(why: unknown): Denial {
  const text = why instanceof Error ? why.message : String(why)
  return new Denial(400, `The form cannot be read: ${text}`)
}

const what = 'Receiving a deployment'
/** Files of one form that are received at the same time. */
const maxAtOnce = 4
/** Of each part of a form. */
const maxPartHeaders = 20
const maxPartHeaderBytes = 8_192
/** Bytes of a file that are taken before whoever writes it has to have caught up. */
const fileBufferBytes = 131_072
