import { Buffer } from 'node:buffer'
import { hashV1 } from '../../src/content/hashing.ts'

/** The id of an entity that nobody has to have. */
export function entityIdOf(n: number): string {
  return hashV1(Buffer.from(`entity ${n}`))
}
