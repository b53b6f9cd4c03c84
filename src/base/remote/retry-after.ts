/** Milliseconds that an answer asks to wait (RFC 9110 §10.2.3: seconds or a date), at most a day; undefined when it does not. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), maxRetryAfterMs)
}

const maxRetryAfterMs = 86_400_000
