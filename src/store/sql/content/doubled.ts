/** How long to wait after so many attempts: `baseMs` after the first, doubled with every other up to `maxMs`. */
export function doubledMs(
  attempts: number,
  limits: { readonly baseMs: number; readonly maxMs: number },
): number {
  return Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempts - 1, 30))
}
