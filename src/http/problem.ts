import { STATUS_CODES } from 'node:http'
import { Type, type Static } from 'typebox'
import { asSyncError, errorCodes, SyncError, type ErrorCode, type Remedy } from '../base/errors.ts'
import { ref } from './schema.ts'

/** What the HTTP face itself turns down: status, remedy, and what can be done next. */
export const refusals = {
  'bad-request': [400, 'stop', 'See /api/openapi.json for what is accepted.'],
  'user-needed': [400, 'stop', 'Say whose library is meant: user=<name>.'],
  'token-needed': [401, 'stop', 'Send the administrator token: "Authorization: Bearer <token>".'],
  'cross-origin': [
    403,
    'stop',
    'Other sites may not change anything here. Use this server by its own address.',
  ],
  'unknown-user': [404, 'stop', 'See /api/status for the users there are.'],
  'unknown-source': [404, 'stop', 'See /api/status for the sources there are.'],
  'unknown-task': [
    404,
    'stop',
    'See the parked tasks of /api/status; what runs just now ends by itself.',
  ],
  'unknown-cover': [404, 'stop', 'The file of this picture went away, or never had one.'],
  'unknown-path': [404, 'stop', 'See /api/openapi.json for what there is.'],
  'not-served': [
    404,
    'stop',
    'This process does the work and tells /health and /metrics, nothing else: ask one with --roles api.',
  ],
  'wrong-host': [421, 'stop', 'Use one of the names in the message, or add this one with --names.'],
  'too-many-watchers': [503, 'retry', 'Close another live view, or ask /api/status now and then.'],
} as const satisfies Record<string, readonly [number, Remedy, string]>

export type RefusalCode = keyof typeof refusals

/** The face turns a request down. Never leaves this folder but as an answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The status each error is answered with. What a drive did wrong is the fault of an upstream: 502 and its relatives. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  auth: 502,
  forbidden: 502,
  'blocked-address': 403,
  'bad-address': 400,
  'root-missing': 502,
  'not-a-drive': 502,
  'unknown-host': 502,
  unreachable: 502,
  'untrusted-certificate': 502,
  unavailable: 502,
  'rate-limited': 503,
  timeout: 504,
  interrupted: 502,
  protocol: 502,
  changed: 503,
  'range-ignored': 502,
  'not-found': 404,
  'file-forbidden': 502,
  'not-audio': 422,
  unparsable: 422,
  'parser-ended': 503,
  'verifier-ended': 503,
  'parser-timeout': 422,
  'too-big': 422,
  'bad-name': 422,
  dropped: 422,
  'cursor-expired': 503,
  'lease-lost': 503,
  cancelled: 503,
  'disk-full': 507,
  database: 500,
  'database-away': 503,
  'database-login': 503,
  'database-missing': 503,
  'database-certificate': 503,
  'database-unfit': 500,
  busy: 503,
  'newer-schema': 500,
  'bad-key': 500,
  'bad-input': 400,
  'unknown-kind': 500,
  internal: 500,
}

/** A problem document (RFC 9457) with the code, the remedy and the hint of the error. */
export const Problem = Type.Object(
  {
    type: Type.Literal('about:blank'),
    title: Type.String({ description: 'The name of the status.' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was tried, on what, and what went wrong.' }),
    code: Type.String({ description: 'Which error it is; stays the same between versions.' }),
    remedy: Type.String({
      description:
        'What helps: retry, skip, restart, source (the remote has to recover), stop (a person has to act).',
    }),
    hint: Type.String({ description: 'What can be done next.' }),
  },
  { $id: 'Problem', description: 'What went wrong (RFC 9457).' },
)
export type Problem = Static<typeof Problem>

export const problemType = 'application/problem+json'

/** For the `response` of every route. */
export const problemResponses = {
  '4xx': {
    description: 'The request is no good.',
    content: { [problemType]: { schema: ref(Problem) } },
  },
  '5xx': {
    description: 'It failed here, or at the drive.',
    content: { [problemType]: { schema: ref(Problem) } },
  },
}

/** What was thrown, as the answer to it. What nobody foresaw says nothing of our insides: that is for the log. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Refusal) {
    const [status, remedy, hint] = refusals[thrown.code]
    return problem({ status, detail: thrown.message, code: thrown.code, remedy, hint })
  }
  const status = clientErrorStatus(thrown)
  if (status !== null && thrown instanceof Error) {
    const [, remedy, hint] = refusals['bad-request']
    return problem({ status, detail: thrown.message, code: 'bad-request', remedy, hint })
  }
  const { code, message, remedy, hint } = asSyncError(thrown)
  const detail = privateCodes.has(code)
    ? 'It failed inside; the log of the server says why.'
    : message
  return problem({ status: statusOf[code], detail, code, remedy, hint })
}

/** Headers that go with a problem. */
export function problemHeaders(thrown: unknown, status: number): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer realm="roundelay"' }
  if (thrown instanceof SyncError && thrown.retryAfterMs !== undefined) {
    return { 'retry-after': String(Math.ceil(thrown.retryAfterMs / 1_000)) }
  }
  if (status === 503) return { 'retry-after': String(retryAfterSeconds) }
  return {}
}

/** The hint of an error that was stored by its code alone. */
export function hintOf(code: string): string {
  return isErrorCode(code) ? errorCodes[code][1] : ''
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code)
}

function problem(parts: Omit<Problem, 'type' | 'title'>): Problem {
  return { type: 'about:blank', title: STATUS_CODES[parts.status] ?? 'Error', ...parts }
}

/** Of errors that the framework throws about a request: malformed, too large, of an unknown media type. */
function clientErrorStatus(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || !('statusCode' in thrown)) return null
  const { statusCode } = thrown
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : null
}

/** Their messages come from drivers and from faults of ours. */
const privateCodes: ReadonlySet<ErrorCode> = new Set(['internal', 'database'])

/** Where the error itself does not tell. */
const retryAfterSeconds = 5
