import { describe, expect, test } from 'vitest'
import { asSyncError } from '../errors.ts'
import { addressPolicy, mayConnect, permitting, publicOnly } from './address-policy.ts'

const site = { host: 'example.org', port: 443 }

const privateAddresses = [
  '127.0.0.1', '127.255.0.9', '10.1.2.3', '172.16.0.1', '192.168.1.10', '100.64.0.1',
  '::1', 'fd12:3456::1', '::ffff:127.0.0.1', '::ffff:192.168.1.1', '::ffff:7f00:1',
] // prettier-ignore

const nobodysAddresses = [
  '169.254.169.254', 'fe80::1', '::ffff:169.254.169.254', 'fd00:ec2::254', '100.100.100.200',
  '168.63.129.16', '0.0.0.0', '::', '255.255.255.255', '224.0.0.1', 'ff02::1', '240.0.0.1',
  '192.0.0.192', '198.18.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '::ffff:0:127.0.0.1',
  'fec0::1', '2001:db8::1', '100::1', 'example.org', '127.1', '0x7f000001', '2130706433', '',
] // prettier-ignore

describe('which addresses a connection may go to', () => {
  test.each(['8.8.8.8', '93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8'])(
    'a public address is open to everybody: %s',
    (address) => expect(mayConnect(publicOnly, site, address)).toBe(true),
  )

  test.each(privateAddresses)('a private one only to who is permitted: %s', (address) => {
    expect(mayConnect(publicOnly, site, address)).toBe(false)
    expect(mayConnect(permitting(publicOnly, 'Example.org', 443), site, address)).toBe(true)
    expect(mayConnect(permitting(publicOnly, 'example.org', 80), site, address)).toBe(false)
    expect(mayConnect(permitting(publicOnly, 'example.net', 443), site, address)).toBe(false)
  })

  test.each(nobodysAddresses)(
    'an address that is nobody’s host is never reached: "%s"',
    (address) => {
      const networks = ['0.0.0.0/0', '::/0', '169.254.0.0/16', 'fc00::/7']
      const policy = permitting(addressPolicy(networks), site.host, site.port)
      expect(mayConnect(policy, site, address)).toBe(false)
    },
  )
})

describe('the list of an operator', () => {
  test('opens networks, addresses and hosts with a port', () => {
    const policy = addressPolicy([
      '192.168.1.0/24',
      '10.0.0.5',
      'fd00::/8',
      'NAS.local:8080',
      '[::1]:81',
    ])
    expect(mayConnect(policy, site, '192.168.1.77')).toBe(true)
    expect(mayConnect(policy, site, '192.168.2.77')).toBe(false)
    expect(mayConnect(policy, site, '10.0.0.5')).toBe(true)
    expect(mayConnect(policy, site, '10.0.0.6')).toBe(false)
    expect(mayConnect(policy, site, 'fd00::9')).toBe(true)
    expect(mayConnect(policy, { host: 'nas.local', port: 8080 }, '127.0.0.1')).toBe(true)
    expect(mayConnect(policy, { host: 'nas.local', port: 8081 }, '127.0.0.1')).toBe(false)
    expect(mayConnect(policy, { host: '::1', port: 81 }, '::1')).toBe(true)
  })

  test.each(['nas.local', '10.0.0.0/99', 'http://nas.local:80', 'a b:80', 'nas:99999', ''])(
    'refuses what could be misread: "%s"',
    (entry) => {
      const failure = caught(() => addressPolicy([entry]))
      expect(asSyncError(failure).code).toBe('bad-input')
    },
  )
})

function caught(work: () => unknown): unknown {
  try {
    work()
  } catch (thrown) {
    return thrown
  }
  return undefined
}
