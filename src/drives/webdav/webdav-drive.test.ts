import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type DavNode,
  multistatus,
  type ScriptedServer,
  send207,
  startScripted,
} from '../../../test/servers/scripted.ts'
import { systemClock } from '../../base/clock.ts'
import { publicOnly } from '../../base/remote/address-policy.ts'
import { readBody } from '../../base/remote/body.ts'
import type { Batch, ByteRange, ListedItem, Source } from '../../engine/source.ts'
import { openDrive } from '../drives.ts'

const never = new AbortController().signal
const root = { href: '/dav/', etag: '"r"' }
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

describe('a listing', () => {
  test('believes only in what lies directly in the folder, on this server, under a name', async () => {
    const { drive } = await serving((url) => [
      root,
      { href: '/dav/good.mp3', size: 1 },
      { href: `${url}/dav/absolute.mp3`, size: 2 },
      { href: '/dav/good.mp3', size: 3 },
      { href: '/dav/../../etc/passwd', size: 4 },
      { href: '/dav/..%2F..%2Fetc%2Fpasswd', size: 4 },
      { href: '/dav/%2e%2e', size: 4 },
      { href: '/dav/nul%00.mp3', size: 4 },
      { href: '/dav/deeper/inside.mp3', size: 4 },
      { href: '/davos.mp3', size: 4 },
      { href: '/other/song.mp3', size: 4 },
      { href: 'http://evil.example/dav/song.mp3', size: 4 },
      { href: '//evil.example/dav/song.mp3', size: 4 },
      { href: 'song.mp3', size: 4 },
      { href: `/dav/${'x'.repeat(5_000)}`, size: 4 },
      { href: '/dav/Album/' },
      { href: '/dav/Album' },
    ])
    const batches = await list(drive)
    expect(itemsOf(batches).map(({ key, size }) => [key, size])).toEqual([
      ['good.mp3', 1],
      ['absolute.mp3', 2],
    ])
    expect(batches.flatMap(({ next }) => next)).toEqual([{ step: 'Album' }])
  })

  test('takes every spelling of an escape for one name, and no two names for one', async () => {
    const { drive, server } = await serving(() => [
      root,
      { href: '/dav/caf%c3%a9.mp3', size: 1 },
      { href: '/dav/cafe%CC%81.mp3', size: 2 },
      { href: '/d%61v/caf%e9.mp3', size: 3 },
      { href: '/dav/100%.mp3', size: 4 },
      { href: '/dav/a%0Ab.mp3', size: 5 },
      { href: '/dav/%28live%29.mp3', size: 6 },
      { href: '/dav/(live).mp3', size: 7 },
    ])
    const items = itemsOf(await list(drive))
    expect(items.map(({ key, size }) => [key, size])).toEqual([
      ['caf%C3%A9.mp3', 1],
      ['cafe%CC%81.mp3', 2],
      ['caf%E9.mp3', 3],
      ['100%.mp3', 4],
      ['a%0Ab.mp3', 5],
      ['(live).mp3', 6],
    ])
    expect(items[4]?.path).toEqual(['a\nb.mp3'])
    for (const item of items)
      await drive.open(item, { start: 0, end: 1 }, never).catch(() => undefined)
    const asked = server.requests.filter(({ method }) => method === 'GET').map(({ url }) => url)
    expect(asked).toEqual(items.map(({ key }) => `/dav/${key}`))
  })

  test('of ten thousand files arrives in batches, before it is over', async () => {
    const { drive } = await serving(() => [
      root,
      ...Array.from({ length: 10_000 }, (_, at) => ({
        href: `/dav/${at}.mp3`,
        size: at,
        etag: `"${at}"`,
      })),
    ])
    const batches = await list(drive)
    expect(batches.length).toBeGreaterThanOrEqual(10)
    expect(Math.max(...batches.map(({ changes }) => changes.length))).toBeLessThanOrEqual(1_000)
    const keys = new Set(itemsOf(batches).map(({ key }) => key))
    expect(keys.size).toBe(10_000)
  })

  test('that is cut ends in error, though its beginning is good', async () => {
    const whole = multistatus([
      root,
      { href: '/dav/a.mp3', size: 1 },
      { href: '/dav/b.mp3', size: 2 },
    ])
    const { drive } = await answering((request, response) =>
      send207(
        response,
        request.headers['depth'] === '0' ? multistatus([root]) : whole.slice(0, -30),
      ),
    )
    await expect(list(drive)).rejects.toMatchObject({ code: 'protocol' })
  })

  test('that says nothing of the folder itself is no listing', async () => {
    const { drive } = await answering(({ headers }, response) =>
      send207(response, multistatus(headers['depth'] === '0' ? [root] : [{ href: '/elsewhere/' }])),
    )
    await expect(list(drive)).rejects.toMatchObject({ code: 'protocol' })
  })

  test('may be compressed, but not to a bomb', async () => {
    const nodes: DavNode[] = [root, { href: '/dav/a.mp3', size: 1 }]
    const bomb = multistatus(nodes).replace('</d:multistatus>', ' '.repeat(70_000_000))
    const { drive } = await answering(({ headers }, response) => {
      const isBomb = headers['depth'] === '1'
      response.writeHead(207, { 'content-encoding': 'gzip' })
      response.end(gzipSync(isBomb ? bomb : multistatus(nodes)))
    })
    await drive.check(never)
    await expect(list(drive)).rejects.toMatchObject({ code: 'too-big' })
  })

  test('asks each folder for itself, never for everything below', async () => {
    const { drive, server } = await serving(() => [root])
    await list(drive)
    expect(server.requests.map(({ headers }) => headers['depth'])).toEqual(['0', '1'])
  })

  test.each([
    [{ status: 503 }, 'unavailable'],
    [{ status: 403 }, 'file-forbidden'],
    [{ status: 500, size: 2 }, 'unavailable'],
    [{ size: 2, propertyStatus: 503 }, 'unavailable'],
    [{ size: 2, propertyStatus: 403 }, 'file-forbidden'],
  ])('with a child of %j tells the others and then fails', async (child, code) => {
    const { drive } = await serving(() => [
      root,
      { href: '/dav/a.mp3', size: 1 },
      { href: '/dav/bad.mp3', ...child },
      { href: '/dav/c.mp3', size: 3 },
    ])
    const batches: Batch[] = []
    const listing = async (): Promise<void> => {
      for await (const batch of drive.list(null, never)) batches.push(batch)
    }
    await expect(listing()).rejects.toMatchObject({
      code,
      message: expect.stringContaining('"bad.mp3"'),
    })
    expect(itemsOf(batches).map(({ key }) => key)).toEqual(['a.mp3', 'c.mp3'])
  })

  test.each([404, 410])('leaves out a child that is gone by %d', async (status) => {
    const { drive } = await serving(() => [root, { href: '/dav/gone.mp3', status }])
    expect(itemsOf(await list(drive))).toEqual([])
  })

  test.each([
    ['', 503, 'unavailable'],
    ['', 403, 'forbidden'],
    ['', 404, 'root-missing'],
    ['Album/', 503, 'unavailable'],
    ['Album/', 403, 'file-forbidden'],
    ['Album/', 404, 'not-found'],
  ])('of "%s" that answers %d for itself is not an empty one', async (path, status, code) => {
    const { drive } = await answering(({ headers, url }, response) => {
      const isWell = headers['depth'] === '0' || url !== `/dav/${path}`
      send207(response, multistatus([isWell ? root : { href: `/dav/${path}`, status }]))
    })
    const step = path === '' ? null : 'Album'
    await expect(list(drive, step)).rejects.toMatchObject({ code })
  })

  test.each([
    [401, null, 'auth'],
    [403, null, 'forbidden'],
    [404, null, 'root-missing'],
    [405, null, 'not-a-drive'],
    [200, null, 'not-a-drive'],
    [503, null, 'unavailable'],
    [403, 'Album', 'file-forbidden'],
    [404, 'Album', 'not-found'],
    [500, 'Album', 'unavailable'],
    [200, 'Album', 'protocol'],
  ] as const)('status %s for step %s is %s', async (status, step, code) => {
    const { drive } = await answering(({ url }, response) => {
      if (step !== null && url === '/dav/') send207(response, multistatus([root]))
      else response.writeHead(status).end()
    })
    await expect(list(drive, step)).rejects.toMatchObject({ code })
  })
})

describe('Nextcloud and its kin', () => {
  const extra = (id: number, permissions = 'RG'): string =>
    `<oc:fileid>${id}</oc:fileid><oc:permissions>${permissions}</oc:permissions>`
  const nodes: readonly DavNode[] = [
    { ...root, extra: extra(1) },
    { href: '/dav/One/', etag: '"e1"', extra: extra(2) },
    { href: '/dav/Mounted/', etag: '"e2"', extra: extra(3, 'RGM') },
    { href: '/dav/song.mp3', size: 1, etag: '"e3"', extra: extra(4) },
  ]

  test('give ids to files and versions to folders, but not to what is mounted', async () => {
    const { drive } = await serving(() => nodes)
    const [batch] = await list(drive)
    expect(batch?.next).toEqual([{ step: 'One', version: 'e1' }, { step: 'Mounted' }])
    expect(itemsOf([batch!])).toMatchObject([{ id: '4' }])
  })

  test('are not believed once two folders have the same tag', async () => {
    const twin = { href: '/dav/Twin/', etag: '"e1"', extra: extra(5) }
    const { drive } = await serving(() => [...nodes, twin])
    expect((await list(drive))[0]?.next?.at(-1)).toEqual({ step: 'Twin' })
    expect((await list(drive))[0]?.next).toEqual([
      { step: 'One' },
      { step: 'Mounted' },
      { step: 'Twin' },
    ])
  })

  test('are the only ones whose folder tags count, and the only ones asked for more', async () => {
    const plain = nodes.map(({ href, size, etag }) =>
      Object.assign({ href, etag: etag ?? '' }, size === undefined ? {} : { size }),
    )
    const bodies: string[] = []
    const { drive } = await answering((request, response) => {
      request.on('data', (chunk) => bodies.push(String(chunk)))
      request.on('end', () => send207(response, multistatus(plain)))
    })
    const [batch] = await list(drive)
    expect(batch?.next).toEqual([{ step: 'One' }, { step: 'Mounted' }])
    expect(bodies.map((body) => body.includes('oc:fileid'))).toEqual([true, false])
  })
})

describe('a range', () => {
  const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, at) => at % 251))
  const middle: ByteRange = { start: 100, end: 200 }
  const song = { href: '/dav/song.mp3', size: 1_000, etag: '"v1"' }

  const opening = async (
    answer: (response: ServerResponse, request: IncomingMessage) => void,
    node: DavNode = song,
  ): Promise<{ drive: Source; item: ListedItem; server: ScriptedServer }> => {
    const { drive, server } = await answering((request, response) => {
      if (request.method === 'GET') answer(response, request)
      else if (request.url === '/dav/song.mp3') send207(response, multistatus([node]))
      else send207(response, multistatus([root, node]))
    })
    const [item] = itemsOf(await list(drive))
    return { drive, item: item!, server }
  }
  const part = (response: ServerResponse, range: string, body: Uint8Array, headers = {}): void => {
    response.writeHead(206, { 'content-range': `bytes ${range}`, ...headers }).end(body)
  }

  test('asks for exactly its bytes, as they are', async () => {
    const { drive, item, server } = await opening((response) =>
      part(response, '100-199/1000', bytes.subarray(100, 200), { etag: 'W/"v1"' }),
    )
    expect(await read(drive, item, middle)).toEqual(bytes.subarray(100, 200))
    expect(server.requests.at(-1)?.headers).toMatchObject({
      range: 'bytes=100-199',
      'accept-encoding': 'identity',
    })
  })

  test('is cut out of the whole file where a server sends that, if it is small', async () => {
    const { drive, item } = await opening((response) => response.end(bytes))
    expect(await read(drive, item, middle)).toEqual(bytes.subarray(100, 200))
    expect(await read(drive, item, { start: 0, end: 10 })).toEqual(bytes.subarray(0, 10))
  })

  test('of a large file that is sent whole is refused, but for its beginning', async () => {
    let sent = 0
    const size = 9_000_000
    const { drive, item } = await opening(
      (response) => {
        response.writeHead(200, { 'content-length': size })
        const more = (): void => {
          while (sent < size && !response.destroyed) {
            sent += 10_000
            if (!response.write(Buffer.alloc(10_000))) {
              response.once('drain', more)
              return
            }
          }
        }
        more()
      },
      { ...song, size },
    )
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'range-ignored' })
    sent = 0
    expect(await read(drive, item, { start: 0, end: 1_000 })).toHaveLength(1_000)
    expect(sent).toBeLessThan(size)
  })

  test('never gives more than was asked for', async () => {
    const { drive, item } = await opening((response) =>
      part(response, '100-999/1000', bytes.subarray(100)),
    )
    expect(await read(drive, item, middle)).toEqual(bytes.subarray(100, 200))
  })

  test('accepts a server that does not know the total', async () => {
    const { drive, item } = await opening((response) =>
      part(response, '100-199/*', bytes.subarray(100, 200)),
    )
    expect(await read(drive, item, middle)).toEqual(bytes.subarray(100, 200))
  })

  test.each([
    ['other bytes', '0-99/1000', 'protocol'],
    ['fewer bytes', '100-149/1000', 'protocol'],
    ['no sense', 'lots', 'protocol'],
    ['another total', '100-199/2000', 'changed'],
  ])('answered with %s fails', async (_, range, code) => {
    const { drive, item } = await opening((response) =>
      part(response, range, bytes.subarray(0, 100)),
    )
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code })
  })

  test('answered with compressed bytes fails', async () => {
    const { drive, item } = await opening((response) =>
      part(response, '100-199/1000', bytes, { 'content-encoding': 'gzip' }),
    )
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'protocol' })
  })

  test('that breaks off in the middle is interrupted, however it ends', async () => {
    const { drive, item } = await opening((response) =>
      part(response, '100-199/1000', bytes.subarray(100, 150)),
    )
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('behind the end is empty, unless the file has another size', async () => {
    let total = 1_000
    const { drive, item } = await opening((response) =>
      response.writeHead(416, { 'content-range': `bytes */${total}` }).end('no such range'),
    )
    expect(await read(drive, item, { start: 1_000, end: 1_100 })).toHaveLength(0)
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'changed' })
    total = 500
    await expect(read(drive, item, { start: 1_000, end: 1_100 })).rejects.toMatchObject({
      code: 'changed',
    })
  })

  test('of another version is changed, when the listing says so too', async () => {
    const node = { ...song }
    const { drive, item } = await opening(
      (response) => part(response, '100-199/1000', bytes.subarray(100, 200), { etag: '"v2"' }),
      node,
    )
    node.etag = '"v2"'
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'changed' })
  })

  test('of a server whose tags mean two things is read, and it is asked about that once', async () => {
    const { drive, item, server } = await opening((response) =>
      part(response, '100-199/1000', bytes.subarray(100, 200), { etag: '"of-get"' }),
    )
    const before = server.requests.length
    expect(await read(drive, item, middle)).toHaveLength(100)
    expect(await read(drive, item, middle)).toHaveLength(100)
    const asked = server.requests.slice(before).map(({ method }) => method)
    expect(asked).toEqual(['GET', 'PROPFIND', 'GET', 'GET'])
  })

  test('of a file that changes between its ranges is changed, though tags mean two things', async () => {
    const node = { ...song }
    let etag = '"of-get"'
    const { drive, item } = await opening(
      (response) => part(response, '100-199/1000', bytes.subarray(100, 200), { etag }),
      node,
    )
    await read(drive, item, middle)
    await read(drive, item, middle)
    etag = '"of-get-2"'
    node.etag = '"v2"'
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'changed' })
    const now = await drive.stat(item, never)
    expect(await read(drive, now, middle)).toHaveLength(100)
  })

  test('of a server that tells another tag with every answer is read', async () => {
    let answers = 0
    const { drive, item } = await opening((response) =>
      part(response, '100-199/1000', bytes.subarray(100, 200), { etag: `"${answers++}"` }),
    )
    for (let i = 0; i < 3; i++) expect(await read(drive, item, middle)).toHaveLength(100)
    expect(answers).toBeLessThanOrEqual(6)
  })

  test('without a tag goes by the time', async () => {
    const node = { href: song.href, size: 1_000, modified: 'Sat, 21 Nov 2026 10:00:00 GMT' }
    const { drive, item } = await opening(
      (response) =>
        part(response, '100-199/1000', bytes.subarray(100, 200), {
          'last-modified': 'Sat, 21 Nov 2026 11:00:00 GMT',
        }),
      node,
    )
    node.modified = 'Sat, 21 Nov 2026 11:00:00 GMT'
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'changed' })
  })

  test('of a listing that lies about the size is changed, and stat says what the server says', async () => {
    const node = { ...song }
    const { drive, item } = await opening((response) => response.end(bytes.subarray(0, 700)), node)
    await expect(read(drive, item, middle)).rejects.toMatchObject({ code: 'changed' })
    node.size = 700
    expect(await drive.stat(item, never)).toMatchObject({ size: 700 })
  })
})

describe('stat', () => {
  test('finds nothing where a folder is now', async () => {
    const { drive } = await serving(() => [{ href: '/dav/a' }])
    const item = { key: 'a', path: ['a'], size: 1, version: 'v' }
    await expect(drive.stat(item, never)).rejects.toMatchObject({ code: 'not-found' })
  })

  test.each([
    [{ status: 404 }, 'not-found'],
    [{ status: 410 }, 'not-found'],
    [{ status: 503 }, 'unavailable'],
    [{ status: 403 }, 'file-forbidden'],
    [{ size: 1, propertyStatus: 500 }, 'unavailable'],
    [{ size: 1, propertyStatus: 404 }, 'file-forbidden'],
  ])('says not-found only for what is gone: %j is %s', async (node, code) => {
    const { drive } = await serving(() => [{ href: '/dav/a', ...node }])
    const item = { key: 'a', path: ['a'], size: 1, version: 'v' }
    await expect(drive.stat(item, never)).rejects.toMatchObject({ code })
  })
})

test('a check of a root that fails is no proof that it is no drive', async () => {
  const { drive } = await serving(() => [{ ...root, status: 503 }])
  await expect(drive.check(never)).rejects.toMatchObject({ code: 'unavailable' })
})

test('neither address nor password of a wrong login is in the message', async () => {
  const server = await startScripted((_, response) => response.writeHead(401).end())
  cleanups.push(() => server.stop())
  const account = {
    kind: 'webdav',
    address: `${server.url}/dav/s/TOKEN`,
    user: 'anna',
    password: 'hunter2',
  }
  const drive = openDrive(
    { ...account, isOperators: true },
    { clock: systemClock, policy: publicOnly },
  )
  cleanups.unshift(() => drive.close())
  const failure: unknown = await drive.check(never).catch((thrown: unknown) => thrown)
  expect(failure).toMatchObject({ code: 'auth' })
  expect(String(failure)).not.toMatch(/hunter2|anna|TOKEN|YW5/)
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function answering(answer: Answer): Promise<{ drive: Source; server: ScriptedServer }> {
  const server = await startScripted(answer)
  const account = { kind: 'webdav', address: `${server.url}/dav`, isOperators: true }
  const drive = openDrive(account, { clock: systemClock, policy: publicOnly })
  cleanups.push(
    () => drive.close(),
    () => server.stop(),
  )
  return { drive, server }
}

/** A server that answers every PROPFIND with the same. */
async function serving(nodes: (url: string) => readonly DavNode[]): ReturnType<typeof answering> {
  return answering((request, response) => {
    const url = `http://${request.headers.host}`
    if (request.method === 'PROPFIND') send207(response, multistatus(nodes(url)))
    else response.writeHead(404).end()
  })
}

async function list(drive: Source, step: string | null = null): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of drive.list(step, never)) batches.push(batch)
  return batches
}

function itemsOf(batches: readonly Batch[]): ListedItem[] {
  return batches.flatMap(({ changes }) =>
    changes.flatMap((change) => (change.type === 'listed' ? [change.item] : [])),
  )
}

async function read(drive: Source, item: ListedItem, range: ByteRange): Promise<Buffer> {
  const { body } = await drive.open(item, range, never)
  return readBody(body, 20_000_000, never)
}
