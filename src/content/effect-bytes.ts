import type { ContentEffect } from './content-store.ts'

/** Bytes of files and content that are written together, about; what is bigger alone is written alone. */
export const maxEffectBytes = 33_554_432

/** Of what an effect writes, all that may be big. */
export function bytesOf({
  deployments,
  blobs,
}: Pick<ContentEffect, 'deployments' | 'blobs'>): number {
  const files = deployments.reduce((sum, { file }) => sum + file.length, 0)
  return blobs.reduce((sum, { bytes }) => sum + bytes.length, files)
}
