import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { png } from '../../../test/content/signer.ts'
import { mediaTypeOf } from './media-type.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

test.each([
  [Buffer.from(png(1, 1)), 'image/png'],
  [hex('ff d8 ff e0 00 10'), 'image/jpeg'],
  [Buffer.from('GIF89a...'), 'image/gif'],
  [Buffer.from('RIFF\n\n\n\nWEBPVP8 '), 'image/webp'],
  [Buffer.from('glTF\u0002'), 'model/gltf-binary'],
  [Buffer.from('\0\0\0\u0020ftypisom'), 'video/mp4'],
  [Buffer.from('OggS'), 'audio/ogg'],
  [Buffer.from('ID3\u0004'), 'audio/mpeg'],
  [hex('ff fb 90 64'), 'audio/mpeg'],
  [hex('ff f1 90 64'), 'application/octet-stream'],
  [Buffer.from('<html><script>'), 'application/octet-stream'],
  [Buffer.from('<svg onload="x">'), 'application/octet-stream'],
  [Buffer.from('{"a":1}'), 'application/octet-stream'],
  [Buffer.from('x\x89PNG\r\n\x1a\n'), 'application/octet-stream'],
  [Buffer.alloc(0), 'application/octet-stream'],
])('%s', (head, type) => expect(mediaTypeOf(head)).toBe(type))
