import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'

/**
 * Content by the hash of its bytes. Form 1 is CIDv1: UnixFS in chunks of 256 KiB, raw leaves, a balanced tree of 174
 * links a node (ADR-62, IPLD dag-pb and UnixFS). Form 0 is what the network used before ADR-45: it looks like CIDv0, yet
 * is the SHA-256 of the whole file, whatever its size.
 */
export type HashForm = 0 | 1

/** Hashes bytes as they come, in whatever pieces; keeps one link a chunk, of at most 174 chunks and nodes a level. */
export class ContentHash {
  readonly form: HashForm
  #hash = createHash('sha256')
  /** Bytes of the present chunk, which for form 0 never ends. */
  #filled = 0
  readonly #levels: Link[][] = []

  constructor(form: HashForm = 1) {
    this.form = form
  }

  update(bytes: Uint8Array): void {
    let rest = bytes
    while (this.form === 1 && this.#filled + rest.length > chunkBytes) {
      const room = chunkBytes - this.#filled
      this.#hash.update(rest.subarray(0, room))
      this.#filled = chunkBytes
      this.#add(0, this.#endChunk())
      rest = rest.subarray(room)
    }
    this.#hash.update(rest)
    this.#filled += rest.length
  }

  /** The hash of all that came, as text. Nothing may come after it. */
  digest(): string {
    if (this.form === 0) return textOf0(this.#hash.digest())
    const last = this.#endChunk()
    if (this.#levels.length === 0) return textOf1(last.cid)
    this.#add(0, last)
    return textOf1(this.#root().cid)
  }

  #endChunk(): Link {
    const size = this.#filled
    const cid = cidOf(rawCodec, this.#hash.digest())
    this.#hash = createHash('sha256')
    this.#filled = 0
    return { cid, fileBytes: size, treeBytes: size }
  }

  #add(height: number, link: Link): void {
    const level = (this.#levels[height] ??= [])
    level.push(link)
    if (level.length === maxLinks) this.#close(height, level)
  }

  #close(height: number, level: Link[]): void {
    this.#add(height + 1, nodeOf(level.splice(0)))
  }

  /** Closes what is open, from the bottom; a link that is alone at the top is the root. */
  #root(): Link {
    for (let height = 0; ; height++) {
      const level = this.#levels[height] ?? []
      const isTop = height === this.#levels.length - 1
      const [first] = level
      if (isTop && first !== undefined && level.length === 1 && height > 0) return first
      if (level.length > 0) this.#close(height, level)
    }
  }
}

/** The CIDv1 of bytes that are all there. */
export function hashV1(bytes: Uint8Array): string {
  if (bytes.length <= chunkBytes) return textOf1(cidOf(rawCodec, sha256(bytes)))
  const hash = new ContentHash(1)
  hash.update(bytes)
  return hash.digest()
}

/** The hash of the years before ADR-45, of bytes that are all there. */
export function hashV0(bytes: Uint8Array): string {
  return textOf0(sha256(bytes))
}

/** Which form this is by its looks; null: no hash, nothing to look for. What is one holds letters and digits only. */
export function hashForm(text: string): HashForm | null {
  if (/^ba[a-zA-Z0-9]{57}$/.test(text)) return 1
  return /^Qm[a-zA-Z0-9]{44}$/.test(text) ? 0 : null
}

export function isContentHash(text: string): boolean {
  return hashForm(text) !== null
}

/** A chunk or a node of the tree, as the node above it speaks of it. */
interface Link {
  readonly cid: Buffer
  /** Bytes of the file that are under it. */
  readonly fileBytes: number
  /** The same with the nodes that hold them together. */
  readonly treeBytes: number
}

/** A node: protobuf of its links, then of the UnixFS data (a file, with the sizes of its parts). */
function nodeOf(links: readonly Link[]): Link {
  const fileBytes = sum(links.map((link) => link.fileBytes))
  const encoded = Buffer.concat([
    ...links.map(({ cid, treeBytes }) =>
      field(2, Buffer.concat([field(1, cid), field(2, noBytes), number(3, treeBytes)])),
    ),
    field(
      1,
      Buffer.concat([
        number(1, unixFsFile),
        number(3, fileBytes),
        ...links.map((link) => number(4, link.fileBytes)),
      ]),
    ),
  ])
  return {
    cid: cidOf(nodeCodec, sha256(encoded)),
    fileBytes,
    treeBytes: encoded.length + sum(links.map((link) => link.treeBytes)),
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function cidOf(codec: number, digest: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1, codec, 0x12, 0x20]), digest])
}

/** A field of bytes of a protobuf. */
function field(id: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((id << 3) | 2), varint(bytes.length), bytes])
}

function number(id: number, value: number): Buffer {
  return Buffer.concat([varint(id << 3), varint(value)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

/** Multibase `b`: base32 of RFC 4648, lower case, not padded. */
function textOf1(cid: Buffer): string {
  let text = 'b'
  let bits = 0
  let held = 0
  for (const byte of cid) {
    held = ((held << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += base32.charAt((held >> (bits - 5)) & 31)
  }
  return bits === 0 ? text : text + base32.charAt((held << (5 - bits)) & 31)
}

/** Base58 as Bitcoin has it, of a SHA-256 with its multihash prefix: it begins with no zero byte. */
function textOf0(digest: Buffer): string {
  let text = ''
  for (let rest = BigInt(`0x1220${digest.toString('hex')}`); rest > 0n; rest /= 58n) {
    text = base58.charAt(Number(rest % 58n)) + text
  }
  return text
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

const chunkBytes = 262_144
const maxLinks = 174
const rawCodec = 0x55
const nodeCodec = 0x70
const unixFsFile = 2
const noBytes = Buffer.alloc(0)
const base32 = 'abcdefghijklmnopqrstuvwxyz234567'
const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
