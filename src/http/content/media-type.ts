import { Buffer } from 'node:buffer'

/** Bytes from the beginning that tell a type. */
export const magicBytes = 64

/**
 * The media type of what entities are made of, by its first bytes. Nothing that a browser would run is ever named:
 * what is unknown, HTML and SVG too, is `application/octet-stream`.
 */
export function mediaTypeOf(head: Uint8Array): string {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  return types.find(([pattern]) => pattern.test(text))?.[1] ?? 'application/octet-stream'
}

// The control characters are the signatures of the formats.
/* oxlint-disable no-control-regex */
const types: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n\x1a\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^RIFF.{4}WEBP/s, 'image/webp'],
  [/^RIFF.{4}WAVE/s, 'audio/wav'],
  [/^.{4}ftypavif/s, 'image/avif'],
  [/^.{4}ftypM4A/s, 'audio/x-m4a'],
  [/^.{4}ftyp/s, 'video/mp4'],
  [/^\x1aE\xdf\xa3/, 'video/webm'],
  [/^OggS/, 'audio/ogg'],
  [/^fLaC/, 'audio/x-flac'],
  [/^(?:ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb])/, 'audio/mpeg'],
  [/^glTF/, 'model/gltf-binary'],
  [/^\xabKTX 2\d\xbb/, 'image/ktx2'],
  [/^\x00asm/, 'application/wasm'],
  [/^wOF2/, 'font/woff2'],
  [/^PK\x03\x04/, 'application/zip'],
  [/^\x1f\x8b/, 'application/gzip'],
]
/* oxlint-enable no-control-regex */
