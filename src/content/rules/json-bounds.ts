/**
 * How deep JSON is nested and about how many values it has, told from its bytes before anybody makes objects of them:
 * what is deeper or more than that costs far more to look at than to send.
 */
export interface JsonExtent {
  readonly depth: number
  /** Objects, lists and what is divided by commas. */
  readonly values: number
}

/** Of bytes that may not even be JSON; reads each once. */
export function jsonExtent(bytes: Uint8Array): JsonExtent {
  let depth = 0
  let deepest = 0
  let values = 0
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (byte === quote) index = endOfText(bytes, index + 1)
    else if (byte === comma) values++
    else if (byte === openBrace || byte === openBracket) {
      values++
      depth++
      if (depth > deepest) deepest = depth
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return { depth: deepest, values }
}

/** Where the quote stands that ends a text, or behind the end of all. */
function endOfText(bytes: Uint8Array, start: number): number {
  let index = start
  while (index < bytes.length && bytes[index] !== quote) index += bytes[index] === backslash ? 2 : 1
  return index
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
