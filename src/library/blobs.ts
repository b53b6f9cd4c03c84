/**
 * Bytes by their sha256 (64 digits of hex, lower case). What was put is whole or not there; putting the same again
 * changes nothing. Throws `bad-input` for a name that is no sha256, `too-big`, `disk-full`, `database`.
 */
export interface Blobs {
  has(hash: string): Promise<boolean>
  /** Null when it is not there, or not whole any more. */
  get(hash: string): Promise<Uint8Array | null>
  /** Durable once it resolves. Throws `bad-input` when the bytes have another hash. */
  put(hash: string, bytes: Uint8Array): Promise<void>
  /** It may be gone already. */
  remove(hash: string): Promise<void>
}
