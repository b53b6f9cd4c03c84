import type { AuthChain, AuthLink } from './entity.ts'
import { addressOf } from './signatures.ts'
import type { WalletQuestion } from './verification.ts'

/** What an auth chain proves (ADR-44). */
export type ChainVerdict =
  | { readonly isGood: true; readonly questions: readonly WalletQuestion[] }
  | { readonly isGood: false; readonly error: string }

/** A chain out of what somebody sent, with nothing in it but what belongs there; null where it is none. */
export function parseAuthChain(value: unknown): AuthChain | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxLinks) return null
  const links = value.map(parseLink).filter((link) => link !== null)
  const length = links.reduce((sum, link) => sum + lengthOf(link), 0)
  return links.length === value.length && length <= maxChainLength ? links : null
}

/** The one form in which chains are stored and told: keys in the order payload, signature, type. */
export function canonicalChain(chain: AuthChain): string {
  return JSON.stringify(chain.map(({ payload, signature, type }) => ({ payload, signature, type })))
}

/** Whoever signs for the whole chain, as it stands there. */
export function deployerOf(chain: AuthChain): string {
  return chain[0]?.payload ?? ''
}

/**
 * Follows a chain from its owner to the entity, as of `atMs`: the time that the entity names, so that what was good then
 * stays good. What only a contract can answer comes back as questions. Errors are the texts that clients know.
 */
export function checkAuthChain(chain: AuthChain, entityId: string, atMs: number): ChainVerdict {
  if (chain.some((link, index) => (link.type === 'SIGNER') !== (index === 0))) {
    return refused('ERROR: Malformed authChain')
  }
  const walk: Walk = { authority: '', atMs, questions: [] }
  for (const link of chain) {
    try {
      walk.authority = nextAuthority(walk, link)
    } catch (error) {
      return refused(linkError(link.type, error instanceof Error ? error.message : String(error)))
    }
  }
  // An owner that is named like the entity would need nobody's signature.
  if (walk.authority === entityId && chain.length > 1)
    return { isGood: true, questions: walk.questions }
  return refused(
    `ERROR: Invalid final authority. Expected: ${entityId}. Current ${walk.authority}.`,
  )
}

/** What a client is told when a contract does not stand for a signature, for whatever reason. */
export function walletError({ linkType }: WalletQuestion, reason: string): string {
  return `${refusal} ${linkError(linkType, reason)}`
}

/** That a contract answered, and not with yes. */
export const contractRefused = 'Invalid validation. Expected: 1626ba7e. Actual: false'

interface Walk {
  /** Whoever has to have signed the next link. */
  authority: string
  readonly atMs: number
  readonly questions: WalletQuestion[]
}

/** Who may sign after this link. Throws an Error that says what is wrong with it. */
function nextAuthority(walk: Walk, link: AuthLink): string {
  const { type, payload } = link
  if (type === 'SIGNER') return payload
  const signature = link.signature ?? ''
  if (signature === '') throw new Error("Invalid AuthLink. 'signature' must be present")
  if (!type.endsWith('_EPHEMERAL')) {
    checkSignature(walk, { linkType: type, message: payload, signature })
    return payload
  }
  const { message, address, expiresMs } = parseEphemeral(payload)
  if (!(expiresMs > walk.atMs)) {
    throw new Error(`Ephemeral key expired. Expiration: ${expiresMs}. Test: ${walk.atMs}`)
  }
  checkSignature(walk, { linkType: type, message, signature })
  return address
}

type Signed = Pick<WalletQuestion, 'linkType' | 'message' | 'signature'>

function checkSignature({ authority, atMs, questions }: Walk, signed: Signed): void {
  if (signed.linkType.startsWith('ECDSA_EIP_1654')) {
    questions.push(walletQuestion(signed, authority, atMs))
    return
  }
  const expected = authority.toLowerCase()
  const actual = addressOf(signed.message, signed.signature)
  if (expected !== actual) {
    throw new Error(`Invalid signer address. Expected: ${expected}. Actual: ${actual}`)
  }
}

function walletQuestion(signed: Signed, address: string, atMs: number): WalletQuestion {
  if (!/^0x[\da-f]{40}$/i.test(address)) throw new Error(contractRefused)
  // Contracts have what they approved themselves signed by nothing.
  const [, digits] = /^(?:0x)?((?:[\da-f]{2})*)$/i.exec(signed.signature) ?? []
  if (digits === undefined) throw new Error('Cannot read hex string')
  return { ...signed, signature: `0x${digits}`, address, atMs }
}

/** Three lines: any text, the key that is handed the authority, and until when. Carriage returns do not count. */
function parseEphemeral(payload: string): {
  readonly message: string
  readonly address: string
  readonly expiresMs: number
} {
  const message = payload.replaceAll('\r', '')
  const [, second = '', third = ''] = message.split('\n', 3)
  if (!second.startsWith(addressPrefix) || !third.startsWith(expirationPrefix)) {
    throw new Error(
      `Invalid ephemeral payload. Expected 3 lines with "${addressPrefix}" on line 2 and "${expirationPrefix}" on line 3.`,
    )
  }
  const expiration = third.slice(expirationPrefix.length)
  const expiresMs = Date.parse(expiration)
  if (Number.isNaN(expiresMs)) {
    throw new Error(`Invalid expiration date in ephemeral payload: "${expiration}"`)
  }
  return { message, address: second.slice(addressPrefix.length), expiresMs }
}

function parseLink(value: unknown): AuthLink | null {
  if (typeof value !== 'object' || value === null) return null
  const { type, payload, signature } = value as Partial<Record<string, unknown>>
  if (typeof type !== 'string' || !linkTypes.has(type)) return null
  if (!isText(payload, maxTextLength)) return null
  const isFirst = type === 'SIGNER'
  if (isFirst && signature === undefined) return { type, payload }
  if (signature !== null && !isText(signature, isFirst ? 0 : maxTextLength)) return null
  return { type, payload, signature }
}

function lengthOf({ payload, signature }: AuthLink): number {
  return payload.length + (signature?.length ?? 0)
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength
}

function refused(error: string): ChainVerdict {
  return { isGood: false, error: `${refusal} ${error}` }
}

function linkError(type: string, message: string): string {
  return `ERROR. Link type: ${type}. ${message}.`
}

const refusal = 'The signature is invalid.'
const addressPrefix = 'Ephemeral address: '
const expirationPrefix = 'Expiration: '
const linkTypes: ReadonlySet<string> = new Set([
  'SIGNER',
  'ECDSA_EPHEMERAL',
  'ECDSA_SIGNED_ENTITY',
  'ECDSA_EIP_1654_EPHEMERAL',
  'ECDSA_EIP_1654_SIGNED_ENTITY',
])
const maxLinks = 10
/** Characters of a payload or a signature, as the network has it. */
const maxTextLength = 100_000
/** Characters of all of a chain. */
const maxChainLength = 150_000
