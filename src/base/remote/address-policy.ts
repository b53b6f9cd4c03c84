import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { SyncError } from '../errors.ts'

/**
 * Which addresses a connection may go to. Public unicast addresses always; others only where an operator says so,
 * and link-local ones, cloud metadata services and whatever else is nobody's host never.
 */
export interface AddressPolicy {
  /** `host:port` that may be anywhere on a private network or this machine. */
  readonly hosts: ReadonlySet<string>
  /** Private networks that may be reached on every port. */
  readonly networks: readonly Network[]
}

export const publicOnly: AddressPolicy = { hosts: new Set(), networks: [] }

/**
 * The policy of an operator's list: `host:port`, an address, or a network such as `192.168.1.0/24`.
 * Throws `bad-input` for anything else.
 */
export function addressPolicy(allowed: readonly string[]): AddressPolicy {
  const hosts = new Set<string>()
  const networks: Network[] = []
  for (const entry of allowed) {
    const network = parseNetwork(entry)
    if (network !== null) networks.push(network)
    else hosts.add(parseHostAndPort(entry))
  }
  return { hosts, networks }
}

/** The policy with one more host and port: what an operator typed permits exactly that. */
export function permitting(policy: AddressPolicy, host: string, port: number): AddressPolicy {
  return { ...policy, hosts: new Set(policy.hosts).add(hostAndPort(host, port)) }
}

/** Whether a connection meant for `host:port` may go to this IP address. */
export function mayConnect(
  policy: AddressPolicy,
  { host, port }: { host: string; port: number },
  address: string,
): boolean {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  if (neverReached.some((network) => contains(network, parsed))) return false
  const range = parsed.range()
  if (range === 'unicast') return parsed.kind() === 'ipv4' || contains(globalUnicast, parsed)
  if (!permissibleRanges.has(range)) return false
  if (policy.hosts.has(hostAndPort(host, port))) return true
  return policy.networks.some((network) => contains(network, parsed))
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = readonly [Address, number]

/** Ranges that an operator can open; the last is where providers and overlay networks put their customers. */
const permissibleRanges: ReadonlySet<string> = new Set([
  'loopback',
  'private',
  'uniqueLocal',
  'carrierGradeNat',
])

/** Where clouds answer their own machines with credentials, outside the link-local range. */
const neverReached = ['fd00:ec2::254/128', '100.100.100.200/32', '168.63.129.16/32'].map(
  (cidr): Network => ipaddr.parseCIDR(cidr),
)

const globalUnicast: Network = ipaddr.parseCIDR('2000::/3')

function contains([base, bits]: Network, address: Address): boolean {
  return base.kind() === address.kind() && address.match(base, bits)
}

function hostAndPort(host: string, port: number): string {
  return `${host.replace(/^\[|\]$/g, '').toLowerCase()}:${port}`
}

function parseNetwork(entry: string): Network | null {
  if (isIP(entry) !== 0) {
    const address = ipaddr.process(entry)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  }
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : null
}

function parseHostAndPort(entry: string): string {
  const [, bracketed, plain, port] =
    /^(?:\[([\da-f:.]+)\]|([^\s/:@]+)):(\d{1,5})$/i.exec(entry) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535) {
    const forms = 'host:port, an address, or a network such as 192.168.1.0/24'
    throw new SyncError('bad-input', `"${entry}" cannot be allowed: give ${forms}.`)
  }
  return hostAndPort(host, Number(port))
}
