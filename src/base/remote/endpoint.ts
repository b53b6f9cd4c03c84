import { SyncError } from '../errors.ts'

/** A place on a web server, taken apart. */
export interface Endpoint {
  /** `https://example.org:8443`, without the port where it is the usual one. */
  readonly origin: string
  /** Lower case, an IPv6 address without its brackets. */
  readonly host: string
  readonly port: number
  /** Still percent-encoded, begins with `/`. */
  readonly path: string
}

/** Takes an `http:` or `https:` address apart; `bad-address` for others, and for one with credentials inside. */
export function parseEndpoint(address: string): Endpoint {
  const url = parseUrl(address)
  if (url === null) throw new SyncError('bad-address', 'The address is not a URL.')
  const { protocol, username, password, origin, hostname, port, pathname, search, hash } = url
  if (username !== '' || password !== '') {
    const message = 'The address has a user name or password inside: give them separately.'
    throw new SyncError('bad-address', message)
  }
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new SyncError('bad-address', `The address begins with ${protocol}, not http: or https:.`)
  }
  if (search !== '' || hash !== '') {
    throw new SyncError('bad-address', 'The address has a ? or # in it: write them as %3F and %23.')
  }
  const usualPort = protocol === 'https:' ? 443 : 80
  const host = hostname.replace(/^\[|\]$/g, '')
  return { origin, host, port: port === '' ? usualPort : Number(port), path: pathname }
}

/** A URL, or null where the text is none. */
export function parseUrl(text: string, base?: string): URL | null {
  return URL.canParse(text, base) ? new URL(text, base) : null
}
