import { entries, field, items } from './json.ts'

/**
 * Whether an item is linked to so many NFTs that its schema could not be checked in good time: it holds each mapping of
 * a contract against each other, and reads its numbers anew each time. Items of the network have a handful.
 */
export function hasManyMappings(metadata: unknown): boolean {
  const networks = entries(field(metadata, 'mappings'))
  const contracts = networks.flatMap(([, network]) => entries(network))
  const mappings = contracts.flatMap(([, list]) => items(list))
  if (mappings.length > maxMappings) return true
  let count = 0
  for (const mapping of mappings) {
    const ids = field(mapping, 'ids')
    const numbers = Array.isArray(ids) ? ids : [ids]
    count += numbers.length
    const ends = ['id', 'from', 'to'].map((name) => field(mapping, name))
    if (count > maxMappings || [...ends, ...numbers].some(isLong)) return true
  }
  return false
}

/** A list is long too: as a number it would be read as the text of all that is in it. */
function isLong(value: unknown): boolean {
  if (typeof value === 'string') return value.length > maxDigits
  return typeof value === 'object' && value !== null
}

/** Single tokens, ranges and tokens of a list, in all: half a second of comparing at most. */
const maxMappings = 2_000
/** A token's number has 256 bits. */
const maxDigits = 78
