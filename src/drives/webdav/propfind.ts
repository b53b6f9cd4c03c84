import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { SyncError } from '../../base/errors.ts'
import { networkFailure } from '../../base/remote/failure.ts'
import type { RemoteHost, RemoteResponse } from '../../base/remote/remote-host.ts'
import { type DavResponse, MultistatusReader } from './multistatus.ts'

export interface Propfind {
  /** Percent-encoded path on the server. */
  readonly path: string
  readonly depth: 0 | 1
  /** Whether to ask for what only Nextcloud and its kin know; others answer each such question with a refusal. */
  readonly hasExtras: boolean
}

/** Sends a PROPFIND with the few properties that are needed (RFC 4918 §9.1). The answer may have any status. */
export function propfind(
  remote: RemoteHost,
  { path, depth, hasExtras }: Propfind,
  signal: AbortSignal,
): Promise<RemoteResponse> {
  const headers = {
    depth: String(depth),
    'content-type': 'application/xml; charset=utf-8',
    'accept-encoding': 'gzip',
  }
  const body = hasExtras ? bodyWithExtras : plainBody
  return remote.request({ method: 'PROPFIND', path, headers, body }, signal)
}

/**
 * The responses in a multistatus, as they arrive. Ends in error unless the document was whole.
 * Throws `protocol`, `too-big` and what breaks on the network.
 */
export async function* responsesOf(
  answer: RemoteResponse,
  what: string,
  signal: AbortSignal,
): AsyncGenerator<readonly DavResponse[]> {
  const reader = new MultistatusReader()
  let [bytes, count] = [0, 0]
  try {
    for await (const chunk of inflated(answer) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > maxListingBytes) throw tooBig(what, `${maxListingBytes} bytes`)
      const responses = reader.write(chunk)
      count += responses.length
      if (count > maxEntries) throw tooBig(what, `${maxEntries} entries`)
      yield responses
    }
  } catch (thrown) {
    throw networkFailure(thrown, what, signal)
  }
  reader.end()
}

const maxListingBytes = 67_108_864
const maxEntries = 200_000

function request(extras: string): string {
  return (
    '<?xml version="1.0" encoding="utf-8"?>' +
    '<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop>' +
    `<resourcetype/><getcontentlength/><getetag/><getlastmodified/>${extras}</prop></propfind>`
  )
}

const plainBody = request('')
const bodyWithExtras = request('<oc:fileid/><oc:id/><oc:permissions/>')

function inflated({ body, header }: RemoteResponse): Readable {
  if (header('content-encoding')?.trim().toLowerCase() !== 'gzip') return body
  // An error of either stream reaches the reader of the last.
  return pipeline(body, createGunzip(), () => undefined)
}

function tooBig(what: string, limit: string): SyncError {
  return new SyncError('too-big', `${what} was answered with more than ${limit}.`)
}
