import { array, assert, nat, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { multistatus } from '../../../test/servers/scripted.ts'
import { type DavResponse, MultistatusReader } from './multistatus.ts'

const two = multistatus([
  { href: '/dav/' },
  {
    href: '/dav/S%C3%B8ng &amp; more.mp3',
    size: 12,
    etag: 'W/&quot;1-é&quot;',
    modified: 'Sat, 21 Nov 2026 10:00:00 GMT',
  },
])

describe('a multistatus', () => {
  test('is read the same however it arrives', () => {
    const whole = read([Buffer.from(two)])
    expect(whole).toMatchObject([
      { href: '/dav/', isFolder: true, status: 200 },
      {
        href: '/dav/S%C3%B8ng & more.mp3',
        isFolder: false,
        properties: { getcontentlength: '12', getetag: 'W/"1-é"' },
      },
    ])
    assert(
      property(array(nat(Buffer.byteLength(two))), (cuts) => {
        const bytes = Buffer.from(two)
        const ends = [...cuts, bytes.length].sort((one, other) => one - other)
        const pieces = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end))
        expect(read(pieces)).toEqual(whole)
      }),
    )
  })

  test('ends in error wherever it is cut', () => {
    const bytes = Buffer.from(two)
    for (let end = 0; end < bytes.length; end++) {
      expect(() => read([bytes.subarray(0, end)])).toThrowError(
        expect.objectContaining({ code: 'protocol' }),
      )
    }
  })

  test('gives only properties of propstats that succeeded, wherever the status stands', () => {
    const [response] = read([
      Buffer.from(`<multistatus xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><response><href>/a</href>
        <propstat><status>HTTP/1.1 404 Not Found</status><prop><getetag/><oc:fileid/></prop></propstat>
        <propstat><prop><getcontentlength>5</getcontentlength></prop><status>HTTP/1.1 200 OK</status></propstat>
        <propstat><prop><getlastmodified/></prop><status>HTTP/1.1 403 Forbidden</status></propstat>
      </response></multistatus>`),
    ])
    expect(response?.properties).toEqual({ getcontentlength: '5' })
  })

  const length = '<prop><getcontentlength>5</getcontentlength></prop>'
  const failed = (status: string): string =>
    `<propstat><prop><getcontentlength/></prop><status>HTTP/1.1 ${status}</status></propstat>`
  test.each([
    ['its own', '<status>HTTP/1.1 403 Forbidden</status>', 403],
    ['none that makes sense', '<status>broken</status>', 0],
    [
      '200 with its size',
      `${failed('403 No')}<propstat>${length}<status>HTTP/1.1 200 OK</status></propstat>`,
      200,
    ],
    [
      'that of its size',
      `${failed('404 Not Found')}${failed('503 Later')}${failed('403 No')}`,
      503,
    ],
    ['200 without a size', failed('404 Not Found'), 200],
  ])('knows the status of a resource: %s', (_, xml, status) => {
    const answer = `<multistatus xmlns="DAV:"><response><href>/a</href>${xml}</response></multistatus>`
    expect(read([Buffer.from(answer)])).toMatchObject([{ href: '/a', status }])
  })

  test('is read by namespace, not by prefix', () => {
    const answer = `<x:multistatus xmlns:x="DAV:" xmlns:D="urn:other"><x:response>
      <D:href>/wrong</D:href><x:href>/right</x:href></x:response></x:multistatus>`
    expect(read([Buffer.from(answer)])).toMatchObject([{ href: '/right' }])
  })

  const bomb = `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><multistatus xmlns="DAV:">&b;</multistatus>`
  const stranger =
    '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><multistatus xmlns="DAV:">&x;</multistatus>'
  test.each([
    ['a bomb of entities', bomb, 'protocol'],
    ['an entity from elsewhere', stranger, 'protocol'],
    ['a page of HTML', '<html xmlns="http://www.w3.org/1999/xhtml"></html>', 'protocol'],
    ['no XML', 'it works!', 'protocol'],
    ['something behind the end', `${two}<more/>`, 'protocol'],
    ['nesting without end', `<multistatus xmlns="DAV:">${'<a>'.repeat(10_000)}`, 'too-big'],
    [
      'a text without end',
      `<multistatus xmlns="DAV:"><response><href>${'x'.repeat(50_000)}`,
      'too-big',
    ],
    ['an attribute without end', `<multistatus xmlns="DAV:" a="${'x'.repeat(50_000)}`, 'too-big'],
    ['a comment without end', `<multistatus xmlns="DAV:"><!-- ${'x'.repeat(50_000)}`, 'too-big'],
  ])('is refused soon: %s', (_, document, code) => {
    const bytes = Buffer.from(document)
    const size = 20_000
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )
    expect(() => read(pieces)).toThrowError(expect.objectContaining({ code }))
  })
})

function read(pieces: readonly Uint8Array[]): DavResponse[] {
  const reader = new MultistatusReader()
  const responses = pieces.flatMap((piece) => reader.write(piece))
  reader.end()
  return responses
}
