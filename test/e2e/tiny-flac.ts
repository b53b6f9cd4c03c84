/** Tags of a tiny file, by their names in a Vorbis comment. */
export type TinyTags = Readonly<Record<string, string>>

/**
 * The smallest FLAC file that is music to a reader of tags: a STREAMINFO that promises `seconds` of silence, and a
 * Vorbis comment (RFC 9639, sections 8.2 and 8.6). `padding` bytes follow (section 8.3). There are no frames.
 */
export function tinyFlac(tags: TinyTags, { seconds = 3, padding = 0 } = {}): Buffer {
  const comments = Object.entries(tags).map(([name, value]) => text(`${name}=${value}`))
  const comment = Buffer.concat([text('tiny'), uint32(comments.length), ...comments])
  const blocks = [block(0, streamInfo(seconds)), block(4, comment)]
  return Buffer.concat([Buffer.from('fLaC'), ...blocks, block(0x81, Buffer.alloc(padding))])
}

function block(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt8(type)
  head.writeUIntBE(body.length, 1, 3)
  return Buffer.concat([head, body])
}

function streamInfo(seconds: number): Buffer {
  const info = Buffer.alloc(34)
  info.writeUInt16BE(4_096, 0)
  info.writeUInt16BE(4_096, 2)
  // 20 bits of sample rate, 3 of channels less one, 5 of bits a sample less one, 36 of samples.
  const samples = BigInt(seconds * sampleRate)
  info.writeBigUInt64BE((BigInt(sampleRate) << 44n) | (1n << 41n) | (15n << 36n) | samples, 10)
  return info
}

const sampleRate = 44_100

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint32(bytes.length), bytes])
}

/** Little-endian, as in Vorbis. */
function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
