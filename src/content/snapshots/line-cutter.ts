import { Buffer } from 'node:buffer'

/** Told of each line: its bytes without the end of line, null where it is longer than allowed, and at which byte it begins. */
export type LineTaker = (line: Buffer | null, start: number) => void

/** Cuts bytes, in whatever pieces they come, into lines. Holds no more than one line, and drops one that is too long. */
export class LineCutter {
  readonly #maxLineBytes: number
  readonly #take: LineTaker
  /** The beginning of a line of which the end is still to come. */
  #pieces: Buffer[] = []
  #pieceBytes = 0
  #start: number

  /** `start`: the byte of the file from which on it is fed. */
  constructor(limits: { readonly maxLineBytes: number; readonly start: number }, take: LineTaker) {
    this.#maxLineBytes = limits.maxLineBytes
    this.#start = limits.start
    this.#take = take
  }

  feed(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let from = 0
    for (let end = buffer.indexOf(lineFeed); end >= 0; end = buffer.indexOf(lineFeed, from)) {
      this.#line(buffer.subarray(from, end))
      from = end + 1
    }
    if (from < buffer.length) this.#keep(buffer.subarray(from))
  }

  /** What comes behind the last end of a line is one, too. */
  end(): void {
    if (this.#pieceBytes > 0) this.#line(Buffer.alloc(0))
  }

  #line(last: Buffer): void {
    const length = this.#pieceBytes + last.length
    const start = this.#start
    const line = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#pieceBytes = 0
    this.#start = start + length + 1
    this.#take(length > this.#maxLineBytes ? null : line, start)
  }

  #keep(piece: Buffer): void {
    this.#pieceBytes += piece.length
    if (this.#pieceBytes > this.#maxLineBytes) this.#pieces = []
    else this.#pieces.push(piece)
  }
}

const lineFeed = 0x0a
