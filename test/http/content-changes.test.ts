import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deploymentOf, ContentNode } from './content-node.ts'
import { makeIdentity, signedEntity, signedProfile, signedScene } from '../content/signer.ts'
import { gunzipSync } from 'node:zlib'
import { until } from './house.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Delta {
  readonly deploymentId: number
  readonly entityId: string
  readonly localTimestamp: number
  readonly entityTimestamp: number
  readonly metadata?: unknown
}

interface Page {
  readonly deltas: readonly Delta[]
  readonly filters: unknown
  readonly pagination: {
    readonly moreData: boolean
    readonly next?: string
    readonly limit: number
  }
}

const dayMs = 86_400_000
const profile = (n: number, timestamp: number) =>
  signedProfile({ identity: makeIdentity(n), timestamp })

describe('a node with a history', () => {
  let node: ContentNode
  /** In the order in which they came: ids do not grow with it, and three share a time. */
  const ids: string[] = []
  const localMs: number[] = []
  const startMs = 1_795_288_697_295
  /** By (local time, id), as told by the store itself. */
  let inOrder: readonly string[] = []

  beforeAll(async () => {
    node = await ContentNode.open()
    for (let batch = 0; batch < 4; batch++) {
      const batchOf = [0, 1, 2].map((n) => profile(batch * 3 + n, startMs - dayMs + n * 1_000))
      node.nowMs = startMs + batch * 100
      localMs.push(await node.deploy(...batchOf))
      ids.push(...batchOf.map(({ entityId }) => entityId))
    }
    await node.deploy(signedScene({ identity: makeIdentity(50), timestamp: startMs }))
    const query = { types: [], sortBy: 'local', order: 'asc', offset: 0, limit: 100 } as const
    inOrder = (await node.store.changes(query)).rows.map(({ entityId }) => entityId)
    expect(new Set(localMs).size).toBe(4)
  })
  afterAll(() => node[Symbol.asyncDispose]())

  const page = async (query: string): Promise<Page> => {
    const answer = await node.ask(`/pointer-changes${query}`)
    expect([answer.status, answer.headers['roundelay-content']], answer.text).toEqual([200, '1'])
    return answer.json as Page
  }

  const walk = async (query: string): Promise<string[]> => {
    const found: string[] = []
    for (let next: string | undefined = query; next !== undefined;) {
      const { deltas, pagination }: Page = await page(next)
      expect(pagination.moreData).toBe(pagination.next !== undefined)
      found.push(...deltas.map(({ entityId }) => entityId))
      if (found.length > 100) throw new Error('it never ends')
      next = pagination.next
    }
    return found
  }

  test('tells a deployment as the network does', async () => {
    const { deltas, filters, pagination } = await page('?limit=1&sortingOrder=ASC')
    const signed = Array.from({ length: 3 }, (_, n) => profile(n, startMs - dayMs + n * 1_000))
    const first = signed.find(({ entityId }) => entityId === inOrder[0])!
    const entity = JSON.parse(Buffer.from(first.file).toString()) as Record<string, unknown>
    expect(deltas).toEqual([
      {
        deploymentId: 1,
        entityType: 'profile',
        entityId: first.entityId,
        pointers: entity['pointers'],
        entityTimestamp: entity['timestamp'],
        metadata: entity['metadata'],
        deployerAddress: first.authChain[0]!.payload,
        version: 'v3',
        authChain: first.authChain,
        localTimestamp: startMs,
      },
    ])
    expect(Object.keys(deltas[0]!)).toEqual([
      'deploymentId',
      'entityType',
      'entityId',
      'pointers',
      'entityTimestamp',
      'metadata',
      'deployerAddress',
      'version',
      'authChain',
      'localTimestamp',
    ])
    expect(filters).toEqual({ entityTypes: [], includeAuthChain: false })
    expect(pagination).toEqual({
      offset: 0,
      limit: 1,
      moreData: true,
      next: `?from=${startMs}&sortingOrder=ASC&limit=1&lastId=${first.entityId}`,
    })
  })

  test('its default is the latest first, and its next is what the network writes', async () => {
    const { deltas, pagination } = await page('?limit=2')
    expect(deltas.map(({ entityId }) => entityId)).toEqual(inOrder.toReversed().slice(0, 2))
    const last = deltas[1]!
    expect(pagination.next).toBe(`?to=${last.localTimestamp}&limit=2&lastId=${last.entityId}`)
  })

  test.each(['ASC', 'DESC'])('following next %s gives each once, in both fields', async (order) => {
    for (const field of ['local_timestamp', 'entity_timestamp', 'entityTimestamp']) {
      for (const limit of [1, 2, 5, 13, 500]) {
        const found = await walk(`?sortingOrder=${order}&sortingField=${field}&limit=${limit}`)
        expect([...found].sort(), `${field} ${limit}`).toEqual([...inOrder].sort())
        if (field === 'local_timestamp') {
          expect(found).toEqual(order === 'ASC' ? inOrder : inOrder.toReversed())
        }
      }
    }
  })

  test('next keeps both borders, types and what is told back', async () => {
    const query = `from=${localMs[1]}&to=${localMs[3]}&entityType=profile&entityType=scene`
    const { filters, pagination } = await page(`?${query}&includeAuthChain=true&limit=2`)
    expect(filters).toEqual({
      entityTypes: ['profile', 'scene'],
      from: localMs[1],
      to: localMs[3],
      includeAuthChain: true,
    })
    const next = new URLSearchParams(pagination.next)
    expect(next.getAll('entityType')).toEqual(['profile', 'scene'])
    expect([next.get('from'), next.get('includeAuthChain')]).toEqual([String(localMs[1]), 'true'])
    for (const order of ['ASC', 'DESC']) {
      const found = await walk(`?${query}&limit=2&sortingOrder=${order}`)
      expect([...found].sort()).toEqual(inOrder.slice(3, 12).sort())
    }
  })

  test('both borders are included, and a type is asked for in whatever form', async () => {
    const of = async (query: string): Promise<number> => (await page(query)).deltas.length
    expect(await of(`?from=${localMs[1]}&to=${localMs[1]}`)).toBe(3)
    expect(await of(`?from=${localMs[3]! + 1}`)).toBe(1)
    expect(await of('?entityType=scene')).toBe(1)
    expect(await of('?entityType=SCENES')).toBe(1)
    expect(await of('?entityType=scene&entityType=profile')).toBe(13)
    expect(await of('?entityType=emote')).toBe(0)
    expect(await of('?offset=4')).toBe(9)
  })

  test('what makes no sense counts as not given', async () => {
    for (const query of [
      'from=0',
      'from=abc',
      'from=',
      'to=0',
      'limit=0',
      'limit=-1',
      'limit=501',
      'limit=x',
      'offset=-1',
      'offset=x',
      'sortingField=',
      'sortingOrder=',
      'from=-99999999999999999999',
      'to=99999999999999999999',
    ]) {
      const { deltas, pagination } = await page(`?${query}`)
      expect([deltas.length, pagination.limit], query).toEqual([13, 500])
    }
  })

  test.each([
    ['entityType=house', 'Found an unrecognized entity type'],
    ['entityType=scene&entityType=constructor', 'Found an unrecognized entity type'],
    [
      'offset=5001',
      "Offset can't be higher than 5000. Please use the 'next' property for pagination.",
    ],
    ['sortingField=pointers', 'Found an unrecognized sort field param'],
    ['sortingOrder=asc', 'Found an unrecognized sort order param'],
  ])('refuses %s', async (query, error) => {
    const answer = await node.ask(`/pointer-changes?${query}`)
    expect([answer.status, answer.json]).toEqual([400, { error }])
  })

  test('lastId is only ever compared', async () => {
    for (const lastId of [
      "x' or 1=1 --",
      '"; drop table deployment',
      '%00',
      '%',
      '\\',
      '?',
      '[1]',
    ]) {
      const query = `sortingOrder=ASC&from=${startMs}&lastId=${encodeURIComponent(lastId)}`
      const { deltas, pagination } = await page(`?${query}&limit=1`)
      const behind = inOrder.slice(0, 3).find((id) => id > lastId.toLowerCase())
      expect(deltas[0]?.entityId, lastId).toBe(behind ?? inOrder[3])
      expect(pagination.next).not.toContain('drop')
    }
    const upper = inOrder[0]!.toUpperCase()
    const { deltas } = await page(`?sortingOrder=ASC&from=${startMs}&lastId=${upper}&limit=1`)
    expect(deltas[0]?.entityId).toBe(inOrder[1])
  })

  test('a page is the same however its parts are spelt in JSON', async () => {
    await using other = await ContentNode.open()
    const odd = signedEntity({
      identity: makeIdentity(1),
      timestamp: startMs,
      type: 'profile',
      pointers: ['default"\\\u2028ä🎵'],
      metadata: { 'ä"': ['\n', '\u0001', '🎵'], big: 1e21 },
    })
    const plain = deploymentOf(odd)
    await other.store.deploy({
      deployments: [{ ...plain, deployer: '0x"\\', metadata: null }],
      blobs: [],
      failures: [],
      parts: [],
    })
    const [delta] = ((await other.ask('/pointer-changes')).json as Page).deltas
    expect(delta).toMatchObject({
      pointers: plain.pointers,
      deployerAddress: '0x"\\',
      metadata: { 'ä"': ['\n', '\u0001', '🎵'], big: 1e21 },
    })
    const empty = signedEntity({
      identity: makeIdentity(2),
      timestamp: startMs,
      type: 'profile',
      pointers: ['b'],
    })
    await other.deploy(empty)
    const [bare] = ((await other.ask('/pointer-changes?limit=1')).json as Page).deltas
    expect([bare!.entityId, 'metadata' in bare!]).toEqual([empty.entityId, false])
  })

  test('a page of 500 is answered whole', async () => {
    await using other = await ContentNode.open()
    for (let batch = 0; batch < 3; batch++) {
      await other.deploy(
        ...Array.from({ length: 200 }, (_, n) => profile(batch * 200 + n, startMs + n)),
      )
    }
    const first = (await other.ask('/pointer-changes?sortingOrder=ASC')).json as Page
    expect([first.deltas.length, first.pagination.moreData]).toEqual([500, true])
    const query = first.pagination.next!
    const second = (await other.ask(`/pointer-changes${query}`)).json as Page
    expect([second.deltas.length, second.pagination.moreData]).toEqual([100, false])
  })
})

describe('snapshots', () => {
  test('are answered from memory once they are made, and not at all to who has them', async () => {
    await using node = await ContentNode.open()
    const early = await node.ask('/snapshots')
    expect([early.status, early.json]).toEqual([503, { error: 'New Snapshots not yet created' }])
    expect(early.headers['retry-after']).toBe('5')
    const legacy = await node.ask('/snapshot')
    expect([legacy.status, legacy.json]).toEqual([503, { error: 'Snapshot not yet created' }])

    await node.deploy(profile(1, node.nowMs - 3 * dayMs), profile(2, node.nowMs - 3 * dayMs))
    await node.snapshots.writeNow()
    const answer = await node.ask('/snapshots')
    expect([answer.status, answer.headers['roundelay-content']]).toEqual([200, '1'])
    expect(answer.headers['content-type']).toBe('application/json')
    const list = answer.json as { hash: string; numberOfEntities: number }[]
    expect(list.map(({ numberOfEntities }) => numberOfEntities)).toContain(2)
    const etag = String(answer.headers['etag'])
    for (const known of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
      const same = await node.ask('/snapshots', { headers: { 'if-none-match': known } })
      expect([same.status, same.bytes.length, same.headers['etag']], known).toEqual([304, 0, etag])
      expect(same.headers['roundelay-content']).toBe('1')
    }
    const other = await node.ask('/snapshots', { headers: { 'if-none-match': '"other"' } })
    expect(other.status).toBe(200)
    const head = await node.ask('/snapshots', { method: 'HEAD' })
    expect([head.status, head.bytes.length]).toEqual([200, 0])
    expect(Number(head.headers['content-length'])).toBe(answer.bytes.length)

    const full = list.find(({ numberOfEntities }) => numberOfEntities === 2)!
    const packed = await node.ask(`/contents/${full.hash}`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(packed.headers['vary']).toEqual(['Accept-Encoding', 'Origin'])
    const plain = await node.ask(`/contents/${full.hash}`)
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(gunzipSync(packed.bytes)).toEqual(plain.bytes)
    expect(Number(packed.headers['content-length'])).toBe(packed.bytes.length)
    for (const refusing of ['identity', 'gzip;q=0', 'br, gzip;q=0.0', 'xgzip']) {
      const headers = { 'accept-encoding': refusing }
      const answer = await node.ask(`/contents/${full.hash}`, { headers })
      expect(answer.headers['content-encoding'], refusing).toBeUndefined()
    }
    for (const accepting of ['gzip, deflate', 'br;q=1.0, gzip;q=0.8', 'x-gzip', 'GZIP']) {
      const headers = { 'accept-encoding': accepting }
      const answer = await node.ask(`/contents/${full.hash}`, { headers })
      expect(answer.headers['content-encoding'], accepting).toBe('gzip')
    }
    const part = await node.ask(`/contents/${full.hash}`, {
      headers: { 'accept-encoding': 'gzip', range: 'bytes=0-3' },
    })
    expect([part.status, part.text]).toEqual([206, '### '])
    expect(part.headers['content-encoding']).toBeUndefined()

    const old = (await node.ask('/snapshot')).json as Record<string, unknown>
    expect(Object.keys(old)).toEqual(['hash', 'lastIncludedDeploymentTimestamp', 'entities'])
  })
})

describe('beyond the protocol', () => {
  interface Fresh {
    readonly deltas: readonly (Delta & { isActive: boolean })[]
    readonly pagination: {
      readonly next: string
      readonly moreData: boolean
      readonly limit: number
    }
  }

  test('the freshest of each pointer, without what came before and without metadata', async () => {
    await using node = await ContentNode.open()
    const times = [1, 2, 3].map((n) => node.nowMs - n * 1_000)
    // The first loses its pointer to the second, which loses one of its own to the third.
    const scene = (n: number, ...pointers: string[]) =>
      signedScene({ identity: makeIdentity(n), timestamp: times[3 - n]!, pointers })
    const [one, two, three] = [scene(1, '0,0'), scene(2, '0,0', '0,1'), scene(3, '0,1')]
    await node.deploy(one)
    await node.deploy(two)
    await node.deploy(three)
    const other = profile(9, times[0]!)
    await node.deploy(other)
    const fresh = async (query: string): Promise<Fresh> => {
      const answer = await node.ask(`/freshest${query}`)
      expect([answer.status, answer.headers['roundelay-content']], answer.text).toEqual([200, '1'])
      return answer.json as Fresh
    }
    const idsOf = ({ deltas }: Fresh): string[] => deltas.map(({ entityId }) => entityId)

    const all = await fresh('')
    expect(idsOf(all)).toEqual([two.entityId, three.entityId, other.entityId])
    expect(all.deltas[0]).toEqual({
      entityType: 'scene',
      entityId: two.entityId,
      pointers: ['0,0', '0,1'],
      entityTimestamp: times[1],
      authChain: two.authChain,
      localTimestamp: all.deltas[0]!.localTimestamp,
      isActive: false,
    })
    expect(all.pagination.moreData).toBe(false)
    expect(idsOf(await fresh(all.pagination.next))).toEqual([])

    expect(idsOf(await fresh('?only=unlisted'))).toEqual([two.entityId])
    expect(idsOf(await fresh('?types=profile'))).toEqual([other.entityId])
    expect(idsOf(await fresh('?types=profile,scene')).length).toBe(3)
    expect(idsOf(await fresh('?types=profile&types=scene')).length).toBe(3)

    const walked: string[] = []
    for (let at = '?limit=1', isMore = true; isMore;) {
      const page = await fresh(at)
      walked.push(...idsOf(page))
      at = page.pagination.next
      isMore = page.pagination.moreData
    }
    expect(walked).toEqual(idsOf(all))
    for (const query of ['?only=alive', '?types=house', '?types=']) {
      expect((await node.ask(`/freshest${query}`)).status, query).toBe(400)
    }
  })

  test('the dead are found behind any number of the living', async () => {
    await using node = await ContentNode.open()
    const dead = signedScene({
      identity: makeIdentity(1),
      timestamp: node.nowMs - 2_000,
      pointers: ['0,0', '0,1'],
    })
    for (let batch = 0; batch < 12; batch++) {
      const many = Array.from({ length: 250 }, (_, n) => profile(batch * 250 + n, node.nowMs))
      await node.deploy(...many)
    }
    await node.deploy(dead)
    await node.deploy(
      signedScene({ identity: makeIdentity(2), timestamp: node.nowMs, pointers: ['0,1'] }),
    )
    const first = (await node.ask('/freshest?only=unlisted')).json as Fresh
    expect([first.deltas.length, first.pagination.moreData]).toEqual([0, true])
    expect(first.pagination.next).toContain('only=unlisted')
    const second = (await node.ask(`/freshest${first.pagination.next}`)).json as Fresh
    expect(second.deltas.map(({ entityId }) => entityId)).toEqual([dead.entityId])
    expect(second.pagination.moreData).toBe(false)
  })

  test('news are told at once to who waits for them', async () => {
    await using node = await ContentNode.open()
    const newest = await node.deploy(profile(1, node.nowMs))
    const ask = async (query: string) => (await node.ask(`/freshest/news${query}`)).json
    expect(await ask('')).toEqual({ newest })
    expect(await ask(`?since=${newest - 1}&wait=30000`)).toEqual({ newest })
    expect(await ask(`?since=${newest}`)).toEqual({ newest })
    expect(await ask(`?since=${newest}&wait=1`)).toEqual({ newest })

    const startedMs = performance.now()
    const waiting = [1, 2, 3].map(() => ask(`?since=${newest}&wait=99999999`))
    // A hint without news wakes nobody.
    node.news.tell()
    const later = await node.deploy(profile(2, node.nowMs))
    node.news.tell()
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ newest: later })))
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  test('a node that closes sends those home who wait', async () => {
    const node = await ContentNode.open()
    const newest = await node.deploy(profile(1, node.nowMs))
    const answer = node.ask(`/freshest/news?since=${newest}&wait=30000`)
    await until(() => node.listening > 0, turn)
    const startedMs = performance.now()
    await node[Symbol.asyncDispose]()
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    expect((await answer).json).toEqual({ newest })
  })
})
