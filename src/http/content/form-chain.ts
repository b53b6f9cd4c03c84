import { parseAuthChain } from '../../content/auth-chain.ts'
import type { AuthChain } from '../../content/entity.ts'
import { Denial } from './denial.ts'

/** Links that a client may send. */
const maxLinks = 10

/**
 * The auth chain of a form (ADR-44), which may come in three ways: a field for each part of each link, one field with
 * all of it as JSON, or, of old, an address and its signature. Throws a Denial in the words that clients know.
 */
export function chainOfForm(fields: ReadonlyMap<string, string>): AuthChain {
  const sent = inOneField(fields) ?? inManyFields(fields) ?? ofAddress(fields)
  if (sent === null) throw new Denial(400, 'No auth chain can be derivated')
  if (Array.isArray(sent) && sent.length > maxLinks) throw tooLong()
  const chain = parseAuthChain(sent)
  if (chain === null) throw new Denial(400, 'Invalid auth chain')
  return chain
}

function inOneField(fields: ReadonlyMap<string, string>): unknown {
  const text = fields.get('authChain')
  if (text === undefined) return null
  try {
    return JSON.parse(text)
  } catch {
    throw new Denial(400, 'Invalid auth chain')
  }
}

/** `authChain[0][type]`, `authChain[0][payload]`, `authChain[0][signature]`, `authChain[1]...` */
function inManyFields(fields: ReadonlyMap<string, string>): unknown {
  const indexes = [...fields.keys()].flatMap((name) => {
    const index = /^authChain\[(\d+)\]/.exec(name)?.[1]
    return index === undefined ? [] : Number(index)
  })
  if (indexes.length === 0) return null
  const last = Math.max(...indexes)
  if (last >= maxLinks) throw tooLong()
  return Array.from({ length: last + 1 }, (_, index) => {
    const [payload, signature, type] = ['payload', 'signature', 'type'].map((part) => {
      const text = fields.get(`authChain[${index}][${part}]`)
      if (text === undefined) throw new Denial(400, `Missing auth chain element at index ${index}`)
      return text
    })
    return { payload, signature, type }
  })
}

function ofAddress(fields: ReadonlyMap<string, string>): unknown {
  const [payload, signature, entityId] = ['ethAddress', 'signature', 'entityId'].map((name) =>
    fields.get(name),
  )
  if (payload === undefined || signature === undefined) return null
  const kind = signature.length === walletLength ? 'ECDSA' : 'ECDSA_EIP_1654'
  return [
    { payload, signature: '', type: 'SIGNER' },
    { payload: entityId, signature, type: `${kind}_SIGNED_ENTITY` },
  ]
}

function tooLong(): Denial {
  return new Denial(400, `Auth chain is too long; the maximum allowed is ${maxLinks} elements`)
}

/** Of `0x` and 65 bytes; what a contract vouches for has another length. */
const walletLength = 132
