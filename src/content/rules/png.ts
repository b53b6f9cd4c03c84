/** What the first bytes of a file say of the image in it. */
export type PngHead =
  | { readonly isPng: false }
  /** Pixels; null: it begins like a PNG and has no header where one has to be. */
  | {
      readonly isPng: true
      readonly size: { readonly width: number; readonly height: number } | null
    }

/** Reads the signature and the IHDR chunk of a PNG (W3C PNG §5.2, §11.2.2), which are its first 24 bytes. */
export function pngHead(head: Uint8Array): PngHead {
  if (!beginsWith(head, 0, signature)) return { isPng: false }
  if (head.length < 24 || !beginsWith(head, 8, headerChunk)) return { isPng: true, size: null }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  return { isPng: true, size: { width: view.getUint32(16), height: view.getUint32(20) } }
}

function beginsWith(bytes: Uint8Array, start: number, expected: readonly number[]): boolean {
  return expected.every((byte, index) => bytes[start + index] === byte)
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** 13 bytes of `IHDR`. */
const headerChunk = [0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
