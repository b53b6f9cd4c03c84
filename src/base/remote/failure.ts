import { errors } from './undici.ts'
import { cancellation } from '../abort.ts'
import { asSyncError, type ErrorCode, SyncError } from '../errors.ts'

/** What a status means: of the root of a source it concerns the whole source, of anything else that one thing. */
export type Scope = 'root' | 'item'

/** A failed connection or a broken body as a SyncError. `what` says what was tried, on what: `GET on example.org`. */
export function networkFailure(thrown: unknown, what: string, signal: AbortSignal): SyncError {
  if (signal.aborted) return cancellation(signal, what)
  if (thrown instanceof SyncError) return thrown
  if (thrown instanceof errors.HTTPParserError) {
    return new SyncError('protocol', `${what} was not answered in HTTP.`, { cause: thrown })
  }
  const code = codeOf(thrown)
  if (code === null) return asSyncError(thrown)
  return new SyncError(networkCode(code), `${what} failed: ${code}.`, { cause: thrown })
}

/** The failure that a status tells of. `retryAfterMs`: what the answer asked for, if it did. */
export function statusFailure(
  status: number,
  what: string,
  { scope, retryAfterMs }: { scope: Scope; retryAfterMs?: number | undefined },
): SyncError {
  const details = retryAfterMs === undefined ? { status } : { status, retryAfterMs }
  return new SyncError(statusCode(status, scope), `${what} was answered with ${status}.`, details)
}

function codeOf(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || !('code' in thrown)) return null
  return typeof thrown.code === 'string' ? thrown.code : null
}

const networkCodes: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'unknown-host',
  ENODATA: 'unknown-host',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  ECONNRESET: 'interrupted',
  EPIPE: 'interrupted',
  UND_ERR_SOCKET: 'interrupted',
  UND_ERR_ABORTED: 'interrupted',
  ERR_STREAM_PREMATURE_CLOSE: 'interrupted',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'interrupted',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  // What answers speaks no TLS: the address should begin with http://.
  EPROTO: 'bad-address',
  ERR_SSL_WRONG_VERSION_NUMBER: 'bad-address',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'bad-address',
}

/** What Node says of a certificate that does not hold (X509 certificate error codes, in its page on TLS). */
const certificateCodes: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Whatever has no code of its own here prevents a connection: refused, no route, no TLS. */
function networkCode(code: string): ErrorCode {
  if (code.startsWith('Z_')) return 'protocol'
  if (certificateCodes.has(code)) return 'untrusted-certificate'
  return networkCodes[code] ?? 'unreachable'
}

const statusCodes: Readonly<Record<number, readonly [root: ErrorCode, item: ErrorCode]>> = {
  401: ['auth', 'auth'],
  403: ['forbidden', 'file-forbidden'],
  404: ['root-missing', 'not-found'],
  407: ['unreachable', 'unreachable'],
  408: ['timeout', 'timeout'],
  410: ['root-missing', 'not-found'],
  412: ['changed', 'changed'],
  416: ['changed', 'changed'],
  423: ['unavailable', 'file-forbidden'],
  429: ['rate-limited', 'rate-limited'],
  451: ['forbidden', 'file-forbidden'],
  504: ['timeout', 'timeout'],
}

function statusCode(status: number, scope: Scope): ErrorCode {
  const codes = statusCodes[status]
  if (codes !== undefined) return codes[scope === 'root' ? 0 : 1]
  return status >= 500 ? 'unavailable' : 'protocol'
}
