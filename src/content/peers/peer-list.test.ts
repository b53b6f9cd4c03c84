import { describe, expect, it, test } from 'vitest'
import { joined, listed, maxAddressLength, others, peerUrl, serverUrl } from './peer-list.ts'
import { parsePeers, StaticPeers } from './peer-list-static.ts'

describe('an address is written in one way', () => {
  test.each([
    ['https://A.Example/content', 'https://a.example/content'],
    ['HTTPS://a.example:443/content/', 'https://a.example/content'],
    ['http://a.example:80/content//', 'http://a.example/content'],
    ['https://a.example:8443/Content', 'https://a.example:8443/Content'],
    [' https://a.example/content\n', 'https://a.example/content'],
    ['https://a.example/x/../content', 'https://a.example/content'],
    ['http://[::1]:5000', 'http://[::1]:5000'],
    ['https://bücher.example/content', 'https://xn--bcher-kva.example/content'],
  ])('%s', (address, url) => {
    expect(peerUrl(address)).toBe(url)
    expect(peerUrl(url)).toBe(url)
  })

  test.each([
    'a.example',
    'ftp://a.example/content',
    'https://user:secret@a.example/content',
    'https://a.example/content?x=1',
    'https://a.example/content#x',
    'file:///etc/passwd',
    '',
  ])('%s is none', (address) => {
    expect(() => peerUrl(address)).toThrow(expect.objectContaining({ code: 'bad-address' }))
  })

  it('leads to the content part of a server, which is not doubled', () => {
    expect(serverUrl('https://a.example')).toBe('https://a.example/content')
    expect(serverUrl('https://a.example/')).toBe('https://a.example/content')
    expect(serverUrl('https://a.example/content/')).toBe('https://a.example/content')
    expect(serverUrl('https://a.example/nodes/1')).toBe('https://a.example/nodes/1')
  })
})

describe('what the operator types', () => {
  it('is taken as it stands, and may be on a private network', async () => {
    const list = new StaticPeers(parsePeers('http://10.0.0.7:6969, https://B.example/content/'))
    expect(await list.read()).toEqual([
      { url: 'http://10.0.0.7:6969', isOperators: true },
      { url: 'https://b.example/content', isOperators: true },
    ])
  })

  it('is refused by its place, without a password that may be in it', () => {
    const message = (text: string): string => {
      try {
        parsePeers(text)
      } catch (error) {
        return String(error)
      }
      return 'taken'
    }
    expect(message('https://a.example,https://me:hunter2@b.example')).toMatch(
      /Peer 2: .* separately/,
    )
    expect(message('https://a.example,https://me:hunter2@b.example')).not.toContain('hunter2')
    expect(message('https://a.example,')).toContain('Peer 2: The address is not a URL.')
    expect(message(`https://a.example/${'x'.repeat(maxAddressLength)}`)).toContain('longer than')
    expect(message('https://a.example,'.repeat(1_000))).toContain('1001 peers')
  })
})

it('leaves out what makes no sense in a list, and counts it', () => {
  const long = `https://a.example/${'x'.repeat(maxAddressLength)}`
  const addresses = ['https://a.example', null, 'nonsense', long, 'https://u:p@b.example', '']
  expect(listed(addresses, serverUrl)).toEqual({
    peers: [{ url: 'https://a.example/content', isOperators: false }],
    unusable: 5,
  })
})

it('joins lists: each peer once, and what the operator typed stays his', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => `https://${name}.example/content`)
  const typed = [{ url: b!, isOperators: true }]
  const heard = [a!, b!, c!, a!].map((url) => ({ url, isOperators: false }))
  const all = [
    { url: a, isOperators: false },
    { url: b, isOperators: true },
    { url: c, isOperators: false },
  ]
  expect(joined([heard, typed])).toEqual(all)
  expect(new Set(joined([typed, heard]))).toEqual(new Set(all))
  expect(joined([])).toEqual([])
})

describe('the node itself', () => {
  const peers = ['https://a.example/content', 'https://b.example/content'].map((url) => ({
    url,
    isOperators: false,
  }))

  test.each([
    'https://a.example/content',
    'https://A.EXAMPLE/content/',
    'https://a.example:443/Content',
    'https://a.example',
  ])('is no peer of its own: %s', (ownUrl) => {
    expect(others(peers, ownUrl)).toEqual([peers[1]])
  })

  it('is no peer of its own, however a list writes it', () => {
    const shouted = { url: 'https://a.example/CONTENT', isOperators: false }
    expect(others([shouted], 'https://a.example/content')).toEqual([])
  })

  it('is not looked for where it does not know its address', () => {
    expect(others(peers, null)).toEqual(peers)
  })
})
