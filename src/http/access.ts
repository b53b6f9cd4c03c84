import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import ipaddr from 'ipaddr.js'
import { SyncError } from '../base/errors.ts'
import { Refusal } from './problem.ts'

export interface Access {
  /** The address that is listened on: an IP address, or `localhost`. */
  readonly host: string
  /** The administrator's; once there is one, every request but `/health` needs it. Must be there unless `host` is a loopback address. */
  readonly token: string | null
  /** Further host names that browsers may use for this server, at any port: those of a proxy in front of it. */
  readonly names: readonly string[]
}

/** What is looked at of a request. */
export interface Visit {
  readonly method: string
  /** The pattern of the route; undefined when there is none. */
  readonly route: string | undefined
  readonly headers: IncomingHttpHeaders
  /** The port it came in by. */
  readonly port: number | undefined
}

/**
 * Who comes in. On a loopback address, whoever is on this machine; but not a web page of somebody else: neither
 * under a name that was made to point here (DNS rebinding), nor with a request from another origin (CSRF).
 * On any other address, whoever has the token.
 */
export class Gate {
  readonly #host: string
  readonly #isLoopback: boolean
  readonly #ownHosts: ReadonlySet<string>
  readonly #names: ReadonlySet<string>
  readonly #digest: Buffer | null

  /** Throws `bad-input` when the address is open to others and there is no token, or one that can be guessed or not be sent. */
  constructor({ host, token, names }: Access) {
    this.#host = host
    this.#isLoopback = isLoopback(host)
    if (token === null && !this.#isLoopback) {
      throw new SyncError(
        'bad-input',
        `Serving on ${host} lets others in and so needs an administrator token; 127.0.0.1 does not.`,
      )
    }
    if (token !== null && token.length < minTokenLength) {
      throw new SyncError(
        'bad-input',
        `The administrator token is shorter than ${minTokenLength} characters and could be guessed.`,
      )
    }
    if (token !== null && !/^\S+$/.test(token)) {
      throw new SyncError(
        'bad-input',
        'The administrator token has white space in it, which no Authorization header can carry.',
      )
    }
    this.#ownHosts = new Set(['127.0.0.1', '[::1]', 'localhost', inUrl(host)])
    this.#names = new Set(names.map((name) => hostOf({ host: name }).name))
    this.#digest = token === null ? null : sha256(token)
  }

  /** Throws a Refusal for whom it does not let in. */
  check(visit: Visit): void {
    // A page that was led here by its name does not know the token, so where one is needed the name does not matter.
    if (this.#isLoopback) this.#checkHost(visit)
    if (!safeMethods.has(visit.method)) this.#checkOrigin(visit.headers)
    if (visit.route !== openRoute) this.#checkToken(visit.headers)
  }

  #checkHost({ headers, port }: Visit): void {
    const { name, port: namedPort } = hostOf(headers)
    if (this.#names.has(name)) return
    if (this.#ownHosts.has(name) && namedPort === port) return
    const own = [...this.#ownHosts].map((host) => `${host}:${port}`)
    throw new Refusal(
      'wrong-host',
      `This server does not go by the name of "${headers.host ?? ''}", only ${[...own, ...this.#names].join(', ')}.`,
    )
  }

  #checkOrigin(headers: IncomingHttpHeaders): void {
    const site = headers['sec-fetch-site']
    if (site !== undefined && site !== 'same-origin' && site !== 'none') throw crossOrigin(site)
    const { origin } = headers
    if (origin === undefined) return
    if (!URL.canParse(origin)) throw crossOrigin(origin)
    const { host, hostname } = new URL(origin)
    const isOwn = host === headers.host?.toLowerCase() || this.#names.has(hostname)
    if (!isOwn) throw crossOrigin(origin)
  }

  #checkToken({ authorization }: IncomingHttpHeaders): void {
    if (this.#digest === null) return
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    // Digests are of one length, so the comparison takes the same time whatever was given.
    if (given !== undefined && timingSafeEqual(sha256(given), this.#digest)) return
    const why = this.#isLoopback ? '' : ` It listens on ${this.#host}, where others can reach it.`
    throw new Refusal(
      'token-needed',
      given === undefined
        ? `This server needs the administrator token, in a header, never in the address.${why}`
        : 'This is not the administrator token.',
    )
  }
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback'
}

/** As in a URL: an IPv6 address in brackets. */
export function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host.toLowerCase()
}

/** By which address this machine reaches itself when it listens on `host`: all addresses are no address to go to. */
export function nearHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function hostOf({ host = '' }: IncomingHttpHeaders): { name: string; port: number } {
  const [, name = '', port = '80'] =
    /^(\[[\d:a-f]+\]|[^:[\]]+)(?::(\d+))?$/.exec(host.toLowerCase()) ?? []
  return { name, port: Number(port) }
}

function crossOrigin(origin: string): Refusal {
  return new Refusal('cross-origin', `A page of another origin (${origin}) asked for this.`)
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Change nothing, and what they answer cannot be read by other origins. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** For load balancers and container platforms, which have no token. */
const openRoute = '/health'
/** Characters. */
const minTokenLength = 16
