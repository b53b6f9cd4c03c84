/**
 * With every answer: what is answered is data for programs of this origin, nothing in it is ever run, framed, sniffed
 * or told to others, and nobody keeps it. A route that knows better sets its own.
 */
export const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
} as const
