import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { buildConnector as BuildConnector } from 'undici'
import { buildConnector } from './undici.ts'
import { SyncError } from '../errors.ts'
import { type AddressPolicy, mayConnect } from './address-policy.ts'

/** Every address of a name. */
export type Resolve = (name: string, done: ResolveDone) => void
type ResolveDone = (error: Error | null, addresses: readonly LookupAddress[]) => void

export const systemResolve: Resolve = (name, done) => systemLookup(name, { all: true }, done)

export interface ConnectorParts {
  /** Where connections are meant to go: a name or an IP address, and the port. */
  readonly host: string
  readonly port: number
  readonly policy: AddressPolicy
  readonly resolve: Resolve
  /** Milliseconds for name, connection and TLS together. */
  readonly timeoutMs: number
}

/**
 * Connects to permitted addresses only. An address that is written out is checked as such (the system looks nothing
 * up for it); a name is looked up once, and exactly the answers that passed are used, so a name that answers
 * differently a moment later gains nothing; at last the address that really was reached is checked again.
 * Fails with `blocked-address`.
 */
export function guardedConnector(parts: ConnectorParts): BuildConnector.connector {
  const { host, port, policy, resolve, timeoutMs } = parts
  const may = (address: string): boolean => mayConnect(policy, { host, port }, address)
  const connect = buildConnector({ timeout: timeoutMs, lookup: guardedLookup(resolve, may) })
  return (options, done) => {
    if (isIP(options.hostname) !== 0 && !may(options.hostname)) {
      done(blocked(options.hostname), null)
      return
    }
    connect(options, (...[error, socket]) => {
      if (error !== null) {
        done(error, null)
        return
      }
      const { remoteAddress } = socket
      if (remoteAddress !== undefined && may(remoteAddress)) {
        done(null, socket)
        return
      }
      socket.destroy()
      // Nobody knows any more where a connection led that the other side has reset already: it was none.
      const isReset = remoteAddress === undefined
      done(isReset ? brokenOff(options.hostname) : blocked(options.hostname), null)
    })
  }
}

function guardedLookup(resolve: Resolve, may: (address: string) => boolean): LookupFunction {
  return (name, options, done) => {
    resolve(name, (error, addresses) => {
      if (error !== null) {
        done(error, '')
        return
      }
      const permitted = addresses.filter(({ address }) => may(address))
      const [first] = permitted
      if (first === undefined) done(blocked(name), '')
      else if (options.all === true) done(null, permitted)
      else done(null, first.address, first.family)
    })
  }
}

function blocked(host: string): SyncError {
  const message = `${host} is on a private network or this machine, where this source may not go.`
  return new SyncError('blocked-address', message)
}

function brokenOff(host: string): SyncError {
  return new SyncError('interrupted', `${host} broke off the connection at once.`)
}
