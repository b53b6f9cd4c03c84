import { expect, test } from 'vitest'
import { parseEndpoint } from './endpoint.ts'

test('an address is taken apart', () => {
  expect(parseEndpoint('https://Example.org/dav/M%C3%BCsic/')).toEqual({
    origin: 'https://example.org',
    host: 'example.org',
    port: 443,
    path: '/dav/M%C3%BCsic/',
  })
  expect(parseEndpoint('http://[::1]:8080')).toEqual({
    origin: 'http://[::1]:8080',
    host: '::1',
    port: 8080,
    path: '/',
  })
})

test.each([
  'nas/music',
  'ftp://nas/music',
  'file:///etc/passwd',
  'http://anna:hunter2@nas/',
  'http://nas/?token=hunter2',
  'http://nas/#part',
  '',
])('an address that is not good is refused without repeating it: "%s"', (address) => {
  expect(() => parseEndpoint(address)).toThrowError(
    expect.objectContaining({
      code: 'bad-address',
      message: expect.not.stringContaining('hunter2'),
    }),
  )
})
