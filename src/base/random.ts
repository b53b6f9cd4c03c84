/** Chance as a part: a number in [0, 1). */
export type Random = () => number

export const systemRandom: Random = () => Math.random()

/** The same seed gives the same numbers for ever (mulberry32, 32 bits of state). For tests and generators, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
