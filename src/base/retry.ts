import type { Random } from './random.ts'

/** `baseMs`, doubled with every attempt up to `maxMs`, times a chance between a half and one and a half. */
export function backoffMs(
  attempt: number,
  limits: { readonly baseMs: number; readonly maxMs: number },
  random: Random,
): number {
  const whole = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempt, 30))
  return Math.round(whole * (0.5 + random()))
}
