import { describe, expect, test } from 'vitest'
import { SyncError } from '../base/errors.ts'
import { Gate, inUrl, isLoopback, nearHost, type Access, type Visit } from './access.ts'
import { Refusal } from './problem.ts'

const token = 'a token that nobody guesses'.replaceAll(' ', '-')
const local: Access = { host: '127.0.0.1', token: null, names: [] }
const open: Access = { host: '0.0.0.0', token, names: [] }

function visit(headers: Visit['headers'], rest: Partial<Visit> = {}): Visit {
  return {
    method: 'GET',
    route: '/api/status',
    port: 8377,
    ...rest,
    headers: { host: 'localhost:8377', ...headers },
  }
}

/** The code of the refusal, or null: let in. */
function outcome(access: Access, of: Visit): string | null {
  try {
    new Gate(access).check(of)
    return null
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.code
    throw thrown
  }
}

describe('On a loopback address', () => {
  test.for(['127.0.0.1:8377', 'localhost:8377', 'LocalHost:8377', '[::1]:8377'])(
    'a request to %s comes in',
    (host) => expect(outcome(local, visit({ host }))).toBeNull(),
  )

  test.for([
    'evil.example:8377',
    'localhost.evil.example:8377',
    'localhost:80',
    'localhost',
    '127.0.0.1:8377@evil.example',
    '',
    '[::1',
  ])('a request to "%s" is turned down', (host) =>
    expect(outcome(local, visit({ host }))).toBe('wrong-host'),
  )

  test('the default port may be left out, as browsers do', () =>
    expect(outcome(local, visit({ host: 'localhost' }, { port: 80 }))).toBeNull())

  test('a request without any host is turned down', () => {
    const nameless: Visit = { method: 'GET', route: '/health', port: 8377, headers: {} }
    expect(outcome(local, nameless)).toBe('wrong-host')
  })

  test('configured names are good at any port, and other names are not', () => {
    const access = { ...local, names: ['Music.example', 'box.example:9000'] }
    expect(outcome(access, visit({ host: 'music.example' }))).toBeNull()
    expect(outcome(access, visit({ host: 'box.example:443' }))).toBeNull()
    expect(outcome(access, visit({ host: 'example' }))).toBe('wrong-host')
  })

  test('another loopback address goes by its own name', () =>
    expect(outcome({ ...local, host: '127.0.0.5' }, visit({ host: '127.0.0.5:8377' }))).toBeNull())

  test('a token that is there is needed here, too, but not for /health', () => {
    const access = { ...local, token }
    expect(outcome(access, visit({}))).toBe('token-needed')
    expect(outcome(access, visit({ authorization: `Bearer ${token}` }))).toBeNull()
    expect(outcome(access, visit({}, { route: '/health' }))).toBeNull()
  })
})

describe('On an address that others can reach', () => {
  test('it takes a token to listen at all', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'music.example']) {
      expect(() => new Gate({ host, token: null, names: [] })).toThrow(SyncError)
    }
    expect(() => new Gate({ ...open, token: null })).toThrow(/0\.0\.0\.0.*administrator token/)
  })

  test.each(['a token that nobody guesses', `${token}\n`])(
    'a token with white space is refused: no header could carry "%s"',
    (spaced) => expect(() => new Gate({ ...open, token: spaced })).toThrow(/white space/),
  )

  test('a token that can be guessed is none', () =>
    expect(() => new Gate({ ...open, token: 'secret' })).toThrow(/shorter than 16/))

  test.for([
    ['nothing', undefined],
    ['another token', `Bearer ${token}x`],
    ['the beginning of it', `Bearer ${token.slice(0, -1)}`],
    ['another scheme', `Basic ${token}`],
    ['the bare token', token],
    ['an empty one', 'Bearer '],
  ] as const)('%s does not let in', ([, authorization]) => {
    const headers = authorization === undefined ? {} : { authorization }
    expect(outcome(open, visit(headers))).toBe('token-needed')
  })

  test('the token lets in under any name', () => {
    const headers = { host: 'whatever.example', authorization: `bearer ${token}` }
    expect(outcome(open, visit(headers))).toBeNull()
  })

  test('the refusal tells where others are', () => {
    expect(() => new Gate(open).check(visit({}))).toThrow(/listens on 0\.0\.0\.0/)
  })

  test('only /health is open, and no path that there is not', () => {
    expect(outcome(open, visit({}, { route: '/health' }))).toBeNull()
    expect(outcome(open, visit({}, { route: undefined }))).toBe('token-needed')
    expect(outcome(open, visit({}, { route: '/metrics' }))).toBe('token-needed')
  })
})

describe('What changes something', () => {
  const post = (headers: Visit['headers']) => visit(headers, { method: 'POST' })

  test('comes from programs and from pages of this server', () => {
    expect(outcome(local, post({}))).toBeNull()
    expect(outcome(local, post({ origin: 'http://localhost:8377' }))).toBeNull()
    expect(outcome(local, post({ 'sec-fetch-site': 'same-origin' }))).toBeNull()
  })

  test.for<Visit['headers']>([
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:9999' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('does not come from %j', (headers) =>
    expect(outcome(local, post(headers))).toBe('cross-origin'),
  )

  test('comes from a configured name even when a proxy changes the Host', () => {
    const access = { ...local, names: ['music.example'] }
    expect(outcome(access, post({ origin: 'https://music.example' }))).toBeNull()
    expect(outcome(access, post({ origin: 'https://evil.example' }))).toBe('cross-origin')
  })
})

test('Loopback is what only this machine reaches', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost'].every(isLoopback)).toBe(
    true,
  )
  expect(['0.0.0.0', '::', '10.0.0.1', 'localhost.example', ''].some(isLoopback)).toBe(false)
})

test('Of a server on all addresses, the machine itself goes to its own', () => {
  const places = ['0.0.0.0', '::', '::1', '192.0.2.1'].map((host) => inUrl(nearHost(host)))
  expect(places).toEqual(['127.0.0.1', '[::1]', '[::1]', '192.0.2.1'])
})
