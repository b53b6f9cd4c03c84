import { createGunzip } from 'node:zlib'
import type { ContentBlobs, StoredBlob } from './blobs.ts'
import { ContentHash, hashForm } from './hashing.ts'

/** How stored content is: `missing`, or something else than its hash says. */
export type BlobState = 'good' | 'damaged' | 'missing'

/** Reads content as it is stored, in each of its forms, and hashes it. Throws what the disk says. */
export async function checkBlob(
  blobs: Pick<ContentBlobs, 'open' | 'openGzip'>,
  hash: string,
): Promise<BlobState> {
  const plain = await blobs.open(hash, null)
  if (plain === null) return 'missing'
  if (!(await isSound(hash, plain.body))) return 'damaged'
  const packed = plain.body instanceof Uint8Array ? null : await blobs.openGzip(hash)
  return packed === null || (await isSoundGzip(hash, packed.body)) ? 'good' : 'damaged'
}

async function isSound(hash: string, body: StoredBlob['body']): Promise<boolean> {
  const made = new ContentHash(hashForm(hash) ?? 1)
  if (body instanceof Uint8Array) made.update(body)
  // A stream of bytes gives nothing else.
  else for await (const bytes of body as AsyncIterable<Uint8Array>) made.update(bytes)
  return made.digest() === hash
}

async function isSoundGzip(hash: string, body: StoredBlob['body']): Promise<boolean> {
  if (body instanceof Uint8Array) return false
  const unpacked = createGunzip()
  try {
    return await isSound(hash, body.on('error', (error) => unpacked.destroy(error)).pipe(unpacked))
  } catch {
    // No gzip, or one that was cut: the plain form was read from the same disk just now.
    return false
  } finally {
    body.destroy()
  }
}
