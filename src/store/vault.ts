import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { SyncError } from '../base/errors.ts'

/** What a secret belongs to. It opens only there: copied into another row, it stays shut. */
export interface SecretContext {
  readonly ownerId: number
  readonly sourceId: number
  /** Which secret of the source: `password`, `token` ... */
  readonly field: string
}

export interface VaultParts {
  /** 32 bytes each. The first one seals; all of them open. */
  readonly keys: readonly [Uint8Array, ...Uint8Array[]]
}

/**
 * Credentials at rest, by envelope: each secret has a random key of its own, which a master key wraps. Both layers
 * are AES-256-GCM (NIST SP 800-38D) and bound to what the secret belongs to.
 *
 * A sealed secret is: 1 byte version, 8 bytes id of the master key, then two boxes of 12 bytes nonce, 16 bytes tag
 * and the sealed bytes: the wrapped key (32 bytes) and the secret itself.
 */
export class Vault {
  readonly #keys: readonly MasterKey[]

  constructor({ keys }: VaultParts) {
    this.#keys = keys.map((bytes) => ({ id: keyId(bytes), bytes }))
  }

  seal(plain: string, context: SecretContext): Buffer {
    const [master] = this.#keys
    if (master === undefined) throw new SyncError('bad-key', 'There is no master key to seal with.')
    const head = Buffer.concat([Buffer.from([version]), master.id])
    const bound = boundTo(head, context)
    const key = randomBytes(keyBytes)
    return Buffer.concat([
      head,
      lock(key, master.bytes, bound),
      lock(Buffer.from(plain), key, bound),
    ])
  }

  /** Throws `bad-key` when no key fits, or the secret is damaged or belongs to something else. */
  open(sealed: Uint8Array, context: SecretContext): string {
    const bytes = Buffer.from(sealed)
    const head = bytes.subarray(0, headBytes)
    const master = this.#keys.find(({ id }) => id.equals(head.subarray(1)))
    if (head[0] !== version || master === undefined) {
      throw new SyncError('bad-key', `${name(context)} was sealed with another master key.`)
    }
    const bound = boundTo(head, context)
    try {
      const wrapped = bytes.subarray(headBytes, headBytes + boxBytes + keyBytes)
      const key = unlock(wrapped, master.bytes, bound)
      return unlock(bytes.subarray(headBytes + boxBytes + keyBytes), key, bound).toString()
    } catch (error) {
      throw new SyncError(
        'bad-key',
        `${name(context)} does not open: it is damaged, or was sealed for something else.`,
        { cause: error },
      )
    }
  }

  /** False: sealed with an older key; to retire that one, open it and seal it again. */
  isCurrent(sealed: Uint8Array): boolean {
    return this.#keys[0]?.id.equals(sealed.subarray(1, headBytes)) === true
  }
}

/** Bytes of a master key, and of a secret's own key. */
export const keyBytes = 32

interface MasterKey {
  readonly id: Buffer
  readonly bytes: Uint8Array
}

const version = 1
const keyIdBytes = 8
const headBytes = 1 + keyIdBytes
const nonceBytes = 12
const tagBytes = 16
const boxBytes = nonceBytes + tagBytes
const algorithm = 'aes-256-gcm'

/** Tells keys apart and gives nothing of them away. */
function keyId(key: Uint8Array): Buffer {
  return createHash('sha256')
    .update('roundelay master key')
    .update(key)
    .digest()
    .subarray(0, keyIdBytes)
}

function boundTo(head: Uint8Array, { ownerId, sourceId, field }: SecretContext): Buffer {
  return Buffer.concat([head, Buffer.from(JSON.stringify([ownerId, sourceId, field]))])
}

function lock(plain: Uint8Array, key: Uint8Array, bound: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(bound)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

function unlock(box: Buffer, key: Uint8Array, bound: Uint8Array): Buffer {
  const nonce = box.subarray(0, nonceBytes)
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(bound)
  decipher.setAuthTag(box.subarray(nonceBytes, boxBytes))
  return Buffer.concat([decipher.update(box.subarray(boxBytes)), decipher.final()])
}

function name({ sourceId, field }: SecretContext): string {
  return `The ${field} of source ${sourceId}`
}
