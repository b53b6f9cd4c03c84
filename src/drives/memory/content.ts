/** What is in a file: its bytes, or how to make them, so that a large file costs no memory. */
export type Content = Uint8Array | GeneratedContent

export interface GeneratedContent {
  /** Bytes. */
  readonly size: number
  /** The bytes from `start` to before `end`, both within the size. The same each time. */
  readonly bytes: (start: number, end: number) => Uint8Array
}

export function sizeOf(content: Content): number {
  return content instanceof Uint8Array ? content.length : content.size
}

export function sliceOf(content: Content, start: number, end: number): Uint8Array {
  return content instanceof Uint8Array ? content.subarray(start, end) : content.bytes(start, end)
}
