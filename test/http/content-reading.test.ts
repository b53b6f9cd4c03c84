import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SyncError } from '../../src/base/errors.ts'
import { hashV1 } from '../../src/content/hashing.ts'
import {
  makeIdentity,
  png,
  signedEntity,
  signedProfile,
  signedScene,
  signedWearable,
  type SignedEntity,
} from '../content/signer.ts'
import { checkSchema } from './content-spec.ts'
import { ContentNode } from './content-node.ts'

const timestamp = 1_795_288_697_295
const identity = makeIdentity(1)
const collection = `0x${'ab'.repeat(20)}`
const picture = png(8, 8)
const profile = signedProfile({ identity, timestamp })
const oldScene = signedScene({ identity, timestamp: timestamp - 1, pointers: ['1,1'] })
const scene = signedScene({
  identity,
  timestamp,
  pointers: ['1,1', '1,2'],
  files: { 'a.png': picture },
})
const items = [0, 1, 2].map((item) => signedWearable({ identity, timestamp, collection, item }))
const [sceneFile, missing] = [hashV1(picture), hashV1(Buffer.from('nobody has this'))]

let node: ContentNode
/** In a file of its own, where the others lie in rows. */
let big: Buffer
let bigHash: string

beforeAll(async () => {
  node = await ContentNode.open()
  await node.deploy(profile)
  await node.deploy(oldScene)
  await node.deploy(scene, ...items)
  big = randomBytes(300_000)
  bigHash = await node.putFile(big)
})
afterAll(() => node[Symbol.asyncDispose]())

function entityOf({ entityId, file }: SignedEntity): Record<string, unknown> {
  const entity = JSON.parse(Buffer.from(file).toString()) as Record<string, unknown>
  return { ...entity, id: entityId }
}

const postJson = (path: string, body: unknown) =>
  node.ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

describe('POST /entities/active', () => {
  const active = (body: unknown) => postJson('/entities/active', body)
  const idsOf = async (body: unknown): Promise<string[]> => {
    const answer = await active(body)
    expect(answer.status, answer.text).toBe(200)
    return (answer.json as { id: string }[]).map(({ id }) => id).sort()
  }

  test('tells entities as their files have them, with their ids', async () => {
    const answer = await active({ ids: [scene.entityId] })
    expect([answer.headers['content-type'], answer.json]).toEqual([
      'application/json',
      [entityOf(scene)],
    ])
  })

  test('finds by pointers in any case, by ids, each once, active ones only', async () => {
    expect(await idsOf({ pointers: ['1,1', '1,2', identity.address.toUpperCase()] })).toEqual(
      [scene.entityId, profile.entityId].sort(),
    )
    expect(await idsOf({ ids: [scene.entityId, oldScene.entityId, scene.entityId] })).toEqual([
      scene.entityId,
    ])
    expect(await idsOf({ pointers: ['\0', '1,1\0', '1,1'] })).toEqual([scene.entityId])
    expect(await idsOf({ ids: ['\0', scene.entityId] })).toEqual([scene.entityId])
    expect(await idsOf({ ids: [], pointers: ['1,2'] })).toEqual([scene.entityId])
    expect(await idsOf({ ids: null, pointers: ['nobody'] })).toEqual([])
    expect(await idsOf({ pointers: Array.from({ length: 1_000 }, (_, n) => `${n},1`) })).toEqual([
      scene.entityId,
    ])
    expect(await idsOf({ ids: Array.from({ length: 1_000 }, () => 'x'.repeat(900)) })).toEqual([])
  })

  test('lowers pointers, and takes v3 where no version is named', async () => {
    await using other = await ContentNode.open()
    const odd = signedEntity({
      identity,
      timestamp,
      type: 'profile',
      pointers: ['DEFAULT7'],
      metadata: { a: 1 },
    })
    const text = Buffer.from(odd.file).toString().replace('"version":"v3",', '"id":"lies",')
    const file = Buffer.from(text)
    await other.deploy({ ...odd, file, entityId: hashV1(file) })
    const answer = await other.ask('/entities/active', {
      method: 'POST',
      body: JSON.stringify({ pointers: ['default7'] }),
    })
    expect(answer.json).toEqual([
      {
        version: 'v3',
        id: hashV1(file),
        type: 'profile',
        pointers: ['default7'],
        timestamp,
        content: [],
        metadata: { a: 1 },
      },
    ])
  })

  test('more than a quarter of a megabyte is told piece by piece', async () => {
    await using other = await ContentNode.open()
    const many = Array.from({ length: 600 }, (_, n) =>
      signedProfile({ identity: makeIdentity(n), timestamp }),
    )
    await other.deploy(...many)
    const answer = await other.ask('/entities/active', {
      method: 'POST',
      body: JSON.stringify({ ids: many.map(({ entityId }) => entityId) }),
    })
    expect(answer.headers['transfer-encoding']).toBe('chunked')
    expect((answer.json as { id: string }[]).map(({ id }) => id).sort()).toEqual(
      many.map(({ entityId }) => entityId).sort(),
    )
  })

  test.each([
    [{}, 'ids or pointers must be present, but not both'],
    [{ ids: ['a'], pointers: ['b'] }, 'ids or pointers must be present, but not both'],
    [{ ids: [], pointers: [] }, 'ids or pointers must be present, but not both'],
    [[], 'ids or pointers must be present, but not both'],
    [null, 'ids or pointers must be present, but not both'],
    [{ ids: 'a' }, 'ids must be an array of non-empty strings'],
    [{ ids: [1] }, 'ids must be an array of non-empty strings'],
    [{ pointers: ['a', ''] }, 'pointers must be an array of non-empty strings'],
    [{ pointers: { length: 1 } }, 'pointers must be an array of non-empty strings'],
    ['{"ids":', 'The body is not valid JSON'],
    ['', 'The body is not valid JSON'],
    [
      { ids: Array.from({ length: 1_001 }, () => 'a') },
      'No more than 1000 ids or pointers can be asked for at once',
    ],
  ])('refuses %j', async (body, error) => {
    const answer = await active(body)
    expect([answer.status, answer.json]).toEqual([400, { error }])
  })

  test('refuses a body that is too big', async () => {
    const answer = await active({ ids: ['x'.repeat(1_100_000)] })
    expect(answer.status).toBe(413)
  })
})

describe('GET /entities/:type', () => {
  test('finds by id or pointer, whatever the type, with the fields that are asked for', async () => {
    const whole = await node.ask(`/entities/scene?pointer=1,1&pointer=1,2`)
    expect(whole.json).toEqual([entityOf(scene)])
    checkSchema('entity', (whole.json as unknown[])[0])
    expect((await node.ask(`/entities/profiles?id=${scene.entityId}`)).json).toEqual(whole.json)
    const bare = await node.ask(`/entities/scene?id=${scene.entityId}&fields=Metadata,x`)
    expect(bare.json).toEqual([{ ...entityOf(scene), pointers: [], content: [] }])
    const { metadata: _, ...rest } = entityOf(scene)
    const other = await node.ask(`/entities/scene?id=${scene.entityId}&fields=content,pointers`)
    expect(other.json).toEqual([rest])
    const none = await node.ask(`/entities/scene?id=${scene.entityId}&fields=x`)
    expect(none.json).toEqual([{ ...rest, pointers: [], content: [] }])
  })

  test.each([
    ['/entities/house?id=a', 'Unrecognized type: house'],
    ['/entities/scene', 'ids or pointers must be present, but not both'],
    ['/entities/scene?id=a&pointer=b', 'ids or pointers must be present, but not both'],
    ['/entities/active', 'Unrecognized type: active'],
  ])('refuses %s', async (path, error) => {
    const answer = await node.ask(path)
    expect([answer.status, answer.json]).toEqual([400, { error }])
  })
})

describe('GET /entities/active/collections/:urn', () => {
  const urn = `urn:decentraland:matic:collections-v2:${collection}`
  const of = (urn: string, query = '') =>
    node.ask(`/entities/active/collections/${encodeURIComponent(urn)}${query}`)

  test('tells the items of a collection, page by page', async () => {
    const all = (await of(urn)).json as { total: number; entities: { id: string }[] }
    expect(all).toEqual({ total: 3, entities: items.map(entityOf) })
    expect((await of(urn.toUpperCase().replace('URN:', 'urn:'))).status).toBe(400)
    const upper = urn.replace(collection, collection.toUpperCase().replace('0X', '0x'))
    expect((await of(upper)).json).toEqual(all)
    expect((await of(`${urn}:1`)).json).toEqual({ total: 1, entities: [entityOf(items[1]!)] })
    const page = await of(urn, '?pageSize=2&pageNum=2')
    expect(page.json).toEqual({ total: 3, entities: [entityOf(items[2]!)] })
    expect((await of(urn, '?pageSize=2&pageNumber=2')).json).toEqual(page.json)
    expect((await of(urn, '?pageNum=1000000000&pageSize=1000')).json).toEqual({
      total: 3,
      entities: [],
    })
    for (const base of ['base-avatars', 'base-emotes']) {
      const none = await of(`urn:decentraland:off-chain:${base}`)
      expect(none.json).toEqual({ total: 0, entities: [] })
    }
    const thirdParty = await of('urn:decentraland:matic:collections-thirdparty:some-name')
    expect(thirdParty.json).toEqual({ total: 0, entities: [] })
  })

  test.each([
    'urn:decentraland:off-chain:base',
    'urn:decentraland:matic:collections-v2:0xzz',
    'urn:decentraland',
    '0x1',
    '%',
    "urn:decentraland:matic:collections-v2:0x1' or 1=1",
  ])('refuses %s', async (bad) => {
    const answer = await of(bad)
    expect([answer.status, answer.json]).toEqual([
      400,
      {
        error: `Invalid collection urn param, it must be a valid urn prefix of a collection or an item in the collection or base wearables, instead: '${bad}'`,
      },
    ])
  })

  test.each([
    ['?pageSize=1001', 'max allowed pageSize is 1000'],
    ['?pageSize=0', 'pageSize must be a positive integer'],
    ['?pageSize=x', 'pageSize must be a positive integer'],
    ['?pageNum=-1', 'pageNum must be a positive integer'],
    ['?pageNum=1e99999999999999', undefined],
    ['?pageNum=99999999999999999', 'pageNum must be a positive integer'],
  ])('with %s', async (query, error) => {
    const answer = await of(urn, query)
    expect(answer.json).toEqual(
      error === undefined ? { total: 3, entities: items.map(entityOf) } : { error },
    )
  })
})

describe('GET /contents/:hash', () => {
  const caching = 'public,max-age=31536000,s-maxage=31536000,immutable'
  const exposed = 'ETag, Content-Range, Accept-Ranges, Content-Length'

  test.each(['a row', 'a file', 'an entity'])('gives the bytes of %s', async (place) => {
    const [hash, bytes] =
      place === 'a row'
        ? [sceneFile, Buffer.from(picture)]
        : place === 'a file'
          ? [bigHash, big]
          : [scene.entityId, Buffer.from(scene.file)]
    const answer = await node.ask(`/contents/${hash}`)
    expect([answer.status, answer.bytes.equals(bytes)]).toEqual([200, true])
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.length),
      etag: `"${hash}"`,
      'cache-control': caching,
      'accept-ranges': 'bytes',
      'access-control-expose-headers': exposed,
      'x-content-type-options': 'nosniff',
    })
    const head = await node.ask(`/contents/${hash}`, {
      method: 'HEAD',
      headers: { range: 'bytes=0-1' },
    })
    expect([head.status, head.bytes.length]).toEqual([200, 0])
    const told = (headers: object) =>
      Object.fromEntries(
        Object.entries(headers).filter(([name]) => !/^(?:date|connection|keep-alive)$/.test(name)),
      )
    expect(told(head.headers)).toEqual(told(answer.headers))

    for (const [range, start, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=5-9', 5, 10],
      ['bytes=10-', 10, bytes.length],
      ['bytes=-7', bytes.length - 7, bytes.length],
      ['bytes=2-99999999', 2, bytes.length],
      ['bytes=-99999999', 0, bytes.length],
    ] as const) {
      const part = await node.ask(`/contents/${hash}`, { headers: { range } })
      expect([part.status, part.headers['content-range']], range).toEqual([
        206,
        `bytes ${start}-${end - 1}/${bytes.length}`,
      ])
      expect(part.bytes.equals(bytes.subarray(start, end))).toBe(true)
      expect(part.headers['content-length']).toBe(String(end - start))
      expect(part.headers['etag']).toBe(`"${hash}"`)
    }
    for (const range of ['bytes=0-1,3-4', 'bytes=9-5', 'bytes=', 'bytes=a-b', 'pages=0-1', '0-1']) {
      const whole = await node.ask(`/contents/${hash}`, { headers: { range } })
      expect([whole.status, whole.bytes.equals(bytes)], range).toEqual([200, true])
    }
    for (const range of [`bytes=${bytes.length}-`, 'bytes=-0', 'bytes=99999999-999999999']) {
      const none = await node.ask(`/contents/${hash}`, { headers: { range } })
      expect([none.status, none.headers['content-range'], none.bytes.length], range).toEqual([
        416,
        `bytes */${bytes.length}`,
        0,
      ])
    }
    const since = { range: 'bytes=0-1', 'if-range': '"another"' }
    expect((await node.ask(`/contents/${hash}`, { headers: since })).status).toBe(200)
    const same2 = { range: 'bytes=0-1', 'if-range': `"${hash}"` }
    expect((await node.ask(`/contents/${hash}`, { headers: same2 })).status).toBe(206)

    for (const known of [`"${hash}"`, `W/"${hash}"`, `"x", "${hash}"`, '*']) {
      const headers = { 'if-none-match': known }
      const kept = await node.ask(`/contents/${hash}`, { headers })
      expect([kept.status, kept.bytes.length], known).toEqual([304, 0])
      expect(kept.headers).toMatchObject({ etag: `"${hash}"`, 'cache-control': caching })
    }
    const other = { 'if-none-match': `"${missing}"` }
    expect((await node.ask(`/contents/${hash}`, { headers: other })).status).toBe(200)
  })

  test('gives no gzip of what is not kept so', async () => {
    const headers = { 'accept-encoding': 'gzip' }
    for (const hash of [sceneFile, scene.entityId]) {
      const answer = await node.ask(`/contents/${hash}`, { headers })
      expect([answer.status, answer.headers['content-encoding']]).toEqual([200, undefined])
    }
  })

  test('tells types by the first bytes, and only if asked', async () => {
    const type = async (hash: string, more = {}): Promise<unknown> =>
      (await node.ask(`/contents/${hash}?includeMimeType`, more)).headers['content-type']
    expect(await type(sceneFile)).toBe('image/png')
    expect(await type(sceneFile, { method: 'HEAD' })).toBe('image/png')
    expect(await type(sceneFile, { headers: { range: 'bytes=3-4' } })).toBe('image/png')
    expect(await type(scene.entityId)).toBe('application/octet-stream')
    const page = Buffer.concat([Buffer.from('<!doctype html><script>'), randomBytes(70_000)])
    expect(await type(await node.putFile(page))).toBe('application/octet-stream')
    expect((await node.ask(`/contents/${missing}?includeMimeType`)).status).toBe(404)
  })

  test.each([
    missing,
    'x',
    'constructor',
    '..%2F..%2Fetc%2Fpasswd',
    '%2e%2e%2f%2e%2e%2fnode.db',
    `..%5C${missing}`,
    `${missing}%00`,
    `${missing}.gzip`,
    `${missing}%2F..%2F${missing}`,
    `${bigHash}%0A`,
    'a'.repeat(500),
  ])('finds nothing under %s', async (hash) => {
    for (const headers of [{}, { range: 'bytes=0-1' }, { 'if-none-match': '*' }]) {
      const answer = await node.ask(`/contents/${hash}`, { headers })
      const error = `No content found with hash ${decodeURIComponent(hash)}`
      expect([answer.status, answer.json]).toEqual([404, { error }])
    }
    expect((await node.ask(`/contents/${hash}`, { method: 'HEAD' })).status).toBe(404)
  })

  test('is no way to other paths', async () => {
    for (const path of [
      '/contents/../../../etc/passwd',
      '/contents/a/b',
      '/contents/',
      '/contents',
    ]) {
      const { hostname, port } = node.url
      const answer = await rawGet(hostname, Number(port), `/content${path}`)
      expect(answer, path).toMatch(/^HTTP\/1\.1 404 [\s\S]*Not found$|No content found/)
    }
    const broken = await rawGet(node.url.hostname, Number(node.url.port), '/content/contents/%zz')
    expect(broken).toMatch(/^HTTP\/1\.1 400 [\s\S]*\{"error":"[^"]+"\}$/)
  })

  test('who is made of it', async () => {
    const of = (hash: string) => node.ask(`/contents/${hash}/active-entities`)
    expect((await of(sceneFile)).json).toEqual([scene.entityId])
    const shared = hashV1(Buffer.from('// scene of 1,1\n'))
    for (const hash of [shared, scene.entityId, missing, '..%2F']) {
      const answer = await of(hash)
      expect([answer.status, answer.json], hash).toEqual([
        404,
        { error: 'The entity was not found' },
      ])
    }
  })
})

async function rawGet(host: string, port: number, path: string): Promise<string> {
  const { connect } = await import('node:net')
  const socket = connect(port, host)
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

describe('the rest', () => {
  test('GET /available-content', async () => {
    const asked = [sceneFile, missing, bigHash, scene.entityId, 'x', sceneFile]
    const answer = await node.ask(
      `/available-content?${asked.map((cid) => `cid=${cid}`).join('&')}`,
    )
    expect(answer.json).toEqual([
      { cid: sceneFile, available: true },
      { cid: missing, available: false },
      { cid: bigHash, available: true },
      { cid: scene.entityId, available: true },
      { cid: 'x', available: false },
    ])
    expect((await node.ask(`/available-content?cid=${missing}`)).json).toEqual([
      { cid: missing, available: false },
    ])
    const none = await node.ask('/available-content')
    expect([none.status, none.json]).toEqual([400, { error: 'Please set at least one cid.' }])
    const many = Array.from({ length: 1_001 }, (_, n) => `cid=${n}`).join('&')
    const tooMany = await node.ask(`/available-content?${many}`)
    expect([tooMany.status, tooMany.json]).toEqual([
      400,
      { error: 'Please set no more than 1000 cids.' },
    ])
  })

  test('GET /audit', async () => {
    const answer = await node.ask(`/audit/scene/${scene.entityId}`)
    expect(answer.json).toEqual({
      version: 'v3',
      localTimestamp: expect.any(Number),
      authChain: scene.authChain,
    })
    const old = await node.ask(`/audit/scenes/${oldScene.entityId}`)
    expect(old.json).toMatchObject({ overwrittenBy: scene.entityId })
    const house = await node.ask(`/audit/house/${scene.entityId}`)
    expect([house.status, house.json]).toEqual([400, { error: 'Unrecognized type: house' }])
    for (const path of [`profile/${scene.entityId}`, `scene/${missing}`, "scene/'%00"]) {
      const none = await node.ask(`/audit/${path}`)
      expect([none.status, none.json], path).toEqual([404, { error: 'No deployment found' }])
    }
  })

  test('GET /status and /challenge', async () => {
    expect((await node.ask('/status')).json).toEqual({
      version: '1.2.3',
      commitHash: 'abc',
      ethNetwork: 'mainnet',
      synchronizationStatus: { lastSyncWithDAO: 7, synchronizationState: 'Syncing' },
    })
    expect((await node.ask('/challenge')).json).toEqual({ challengeText: 'a challenge' })
    await using some = await ContentNode.open({ types: ['scene', 'wearable'] })
    some.status = { state: 'Bootstrapping', lastSyncWithDaoMs: 0 }
    expect((await some.ask('/status')).json).toMatchObject({
      entityTypes: ['scene', 'wearable'],
      synchronizationStatus: { synchronizationState: 'Bootstrapping' },
    })
  })

  test('GET /failed-deployments', async () => {
    await using other = await ContentNode.open()
    expect((await other.ask('/failed-deployments')).json).toEqual([])
    const failure = (signed: SignedEntity, snapshotHash: string | null) => ({
      entityId: signed.entityId,
      entityType: 'scene' as const,
      pointers: ['1,1'],
      entityTimestamp: timestamp,
      authChain: signed.authChain,
      sourceId: null,
      description: 'It "failed".',
      snapshotHash,
    })
    const failures = [failure(scene, missing), failure(oldScene, null)]
    await other.store.deploy({ deployments: [], blobs: [], failures, parts: [] })
    const all = (await other.ask('/failed-deployments')).json as { entityId: string }[]
    expect(all).toHaveLength(2)
    const told = (signed: SignedEntity) => ({
      entityType: 'scene',
      entityId: signed.entityId,
      failureTimestamp: other.nowMs,
      reason: 'Deployment error',
      authChain: signed.authChain,
      errorDescription: 'It "failed".',
    })
    expect(all).toContainEqual({ ...told(scene), snapshotHash: missing })
    expect(all).toContainEqual(told(oldScene))
    for (const query of ['limit=1', 'limit=1&offset=0', 'offset=1']) {
      const some = (await other.ask(`/failed-deployments?${query}`)).json
      expect(some, query).toEqual([all[query.includes('=1') && query.startsWith('offset') ? 1 : 0]])
    }
    expect((await node.ask('/failed-deployments?offset=50001')).status).toBe(400)
    for (const query of ['limit=-1&offset=-1', 'limit=99999999', 'limit=x&offset=y']) {
      expect((await other.ask(`/failed-deployments?${query}`)).json, query).toEqual(all)
    }
  })

  test('GET /deployments is gone, and says what replaces it', async () => {
    const answer = await node.ask('/deployments?entityType=profile')
    expect(answer.status).toBe(410)
    expect((answer.json as { error: string }).error).toMatch(/\/snapshots and \/pointer-changes/)
    expect(answer.headers['link']).toBe('</content/pointer-changes>; rel="successor-version"')
  })

  test('what fails inside says nothing of it, and what passes by itself says so', async () => {
    await using other = await ContentNode.open()
    other.failure = new Error('secret password of the database')
    const inside = await other.ask('/pointer-changes')
    expect([inside.status, inside.json]).toEqual([500, { error: 'Internal Server Error' }])
    other.failure = new SyncError('database-away', 'The database is away.')
    const away = await other.ask(`/audit/scene/${missing}`)
    expect([away.status, away.json, away.headers['retry-after']]).toEqual([
      503,
      { error: 'The database is away.' },
      '5',
    ])
    other.failure = new SyncError('database', '/secret/path is no database')
    expect((await other.ask('/freshest/news')).json).toEqual({ error: 'Internal Server Error' })
    expect((await other.ask('/freshest/news?wait=1000')).status).toBe(500)
  })
})
