import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SyncError } from '../../src/base/errors.ts'
import { House, noCounts, track } from './house.ts'

describe('Status', () => {
  test('tells of every user how far the work is, and of every source how it is', async () => {
    await using house = await House.open()
    const anna = house.addOwner('anna', 'premium')
    house.addSource(anna, 'nas', {
      state: 'resting',
      lastError: { code: 'unreachable', message: 'nas.example does not answer.', atMs: 5 },
      nextMs: 99,
      withheld: 3,
    })
    house.addOwner('bob')
    const answer = await house.ask('/api/status')
    expect(answer.status).toBe(200)
    expect(answer.json).toEqual({
      users: [
        {
          name: 'anna',
          plan: 'premium',
          counts: noCounts,
          sources: [
            {
              id: 1,
              name: 'nas',
              kind: 'webdav',
              address: 'https://drive.example/nas',
              state: 'resting',
              lastError: { code: 'unreachable', message: 'nas.example does not answer.', atMs: 5 },
              nextMs: 99,
              lastRound: null,
              withheld: 3,
              counts: noCounts,
            },
          ],
        },
        { name: 'bob', plan: 'free', counts: noCounts, sources: [] },
      ],
      work: house.work,
    })
  })

  test('comes in pages that miss nobody', async () => {
    await using house = await House.open()
    const names = Array.from({ length: 25 }, (_, i) => `user-${String(i).padStart(2, '0')}`)
    for (const name of names) house.addOwner(name)
    const seen: string[] = []
    let next: unknown = undefined
    do {
      const after = typeof next === 'string' ? `&after=${next}` : ''
      const { json } = await house.ask(`/api/status?limit=10${after}`)
      seen.push(...(json['users'] as { name: string }[]).map((user) => user.name))
      next = json['next']
    } while (next !== undefined && seen.length < 100)
    expect(seen).toEqual(names)
  })

  test('of one user is asked for by name', async () => {
    await using house = await House.open()
    house.addOwner('anna')
    house.addOwner('bob')
    const { json } = await house.ask('/api/status?user=bob')
    expect(json['users']).toMatchObject([{ name: 'bob' }])
    house.addOwner('Ólafur')
    const other = await house.ask(`/api/status?user=${encodeURIComponent('Ólafur')}`)
    expect(other.json['users']).toMatchObject([{ name: 'Ólafur' }])
    expect(await house.ask('/api/status?user=carl')).toMatchObject({
      status: 404,
      json: { code: 'unknown-user', detail: 'There is no user "carl".' },
    })
  })
})

describe('Tracks and search', () => {
  test('need no user where there is only one', async () => {
    await using house = await House.open()
    const anna = house.addOwner('anna')
    house.tracks.push(track(1, anna.id, { replayGain: { trackGain: -3.5 } }))
    const tracks = await house.ask('/api/tracks')
    const { ownerId: _, ...shown } = house.tracks[0]!
    expect(tracks.json).toEqual({ tracks: [shown] })
    const found = await house.ask('/api/search?q=Song')
    expect(found.json).toEqual({ artists: [], albums: [], tracks: [shown] })
  })

  test('need one where there are several, and show nobody the music of another', async () => {
    await using house = await House.open()
    const anna = house.addOwner('anna')
    const bob = house.addOwner('bob')
    house.tracks.push(track(1, anna.id), track(2, bob.id))
    for (const path of ['/api/tracks', '/api/search?q=Song']) {
      expect(await house.ask(path)).toMatchObject({ status: 400, json: { code: 'user-needed' } })
      const { json } = await house.ask(`${path}${path.includes('?') ? '&' : '?'}user=bob`)
      expect(json['tracks']).toMatchObject([{ id: 2 }])
    }
  })

  test('say that there is nobody yet', async () => {
    await using house = await House.open()
    expect(await house.ask('/api/tracks')).toMatchObject({
      status: 404,
      json: { code: 'unknown-user', detail: 'There is no user yet.' },
    })
  })

  test('pass every filter on, a source by its name', async () => {
    await using house = await House.open()
    const anna = house.addOwner('anna')
    const nas = house.addSource(anna, 'my nas')
    await house.ask('/api/tracks?artist=5&album=6&source=my%20nas&after=7&limit=8')
    expect(house.queries).toEqual([
      { ownerId: anna.id, artistId: 5, albumId: 6, sourceId: nas.id, after: '7', limit: 8 },
    ])
    expect(await house.ask('/api/tracks?source=other')).toMatchObject({
      status: 404,
      json: { code: 'unknown-source' },
    })
  })

  test('come in pages', async () => {
    await using house = await House.open()
    const anna = house.addOwner('anna')
    for (let id = 1; id <= 5; id++) house.tracks.push(track(id, anna.id))
    const first = await house.ask('/api/tracks?limit=3')
    expect(first.json['next']).toBe('3')
    const last = await house.ask('/api/tracks?limit=3&after=3')
    expect(last.json['tracks']).toMatchObject([{ id: 4 }, { id: 5 }])
    expect('next' in last.json).toBe(false)
  })
})

describe('A request that is no good', () => {
  let house: House
  beforeAll(async () => {
    house = await House.open()
    house.addOwner('anna')
  })
  afterAll(() => house.server.close())

  test.for([
    ['/api/tracks?limit=0', /limit must be >= 1/],
    ['/api/tracks?limit=501', /limit must be <= 500/],
    ['/api/tracks?limit=ten', /limit must be integer/],
    ['/api/tracks?limit=1&limit=2', /limit must be integer/],
    ['/api/tracks?limt=5', /there is no "limt" here/],
    [`/api/tracks?user=${'x'.repeat(65)}`, /user must NOT have more than 64/],
    ['/api/tracks?user=', /user must NOT have fewer than 1/],
    ['/api/search', /required property 'q'/],
    [`/api/search?q=${'x'.repeat(201)}`, /q must NOT have more than 200/],
    ['/api/covers/abc', /id must be integer/],
    ['/api/tracks?after=forged', /No page ended there/],
    ['/api/%zz', /valid url/],
  ] as const)('%s is told why', async ([path, why]) => {
    const answer = await house.ask(path)
    expect(answer.status).toBe(400)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json['detail']).toMatch(why)
    expect(answer.json['hint']).not.toBe('')
  })

  test('to a path or with a method that there is not is told so', async () => {
    expect(await house.ask('/api/nothing?token=x')).toMatchObject({
      status: 404,
      json: { code: 'unknown-path', detail: 'There is nothing to GET at this path.' },
    })
    expect((await house.ask('/api/status', { method: 'POST' })).status).toBe(404)
  })
})

describe('A failure', () => {
  test('inside is answered without our insides and logged once with them', async () => {
    await using house = await House.open()
    house.failure = new Error('no such table: secret_things')
    const answer = await house.ask('/api/status?user=anna')
    expect(answer.status).toBe(500)
    expect(answer.text).not.toMatch(/secret_things/)
    expect(answer.json).toMatchObject({ code: 'internal', title: 'Internal Server Error' })
    expect(house.lines).toEqual([
      {
        level: 'error',
        message: 'a request failed',
        fields: {
          method: 'GET',
          route: '/api/status',
          status: 500,
          code: 'internal',
          error: house.failure,
        },
      },
    ])
  })

  test("of a drive is the drive's, and says when to come back", async () => {
    await using house = await House.open()
    house.failure = new SyncError('rate-limited', 'drive.example asked to slow down.', {
      retryAfterMs: 30_000,
    })
    const answer = await house.ask('/api/status')
    expect(answer).toMatchObject({ status: 503, json: { code: 'rate-limited', remedy: 'source' } })
    expect(answer.headers['retry-after']).toBe('30')
    expect(house.lines).toMatchObject([{ level: 'warn' }])
  })
})

describe('A person', () => {
  test('asks for a source to be listed now', async () => {
    await using house = await House.open()
    const source = house.addSource(house.addOwner('anna'), 'my nas')
    const post = (path: string) =>
      house.ask(`/api/users/anna/sources/my%20nas/${path}`, { method: 'POST' })
    expect(await post('sync')).toMatchObject({ status: 202, json: { isAsked: true } })
    expect(await post('sync?full=true')).toMatchObject({ status: 202 })
    expect(house.asked).toEqual([
      { sourceId: source.id, isFull: false },
      { sourceId: source.id, isFull: true },
    ])
  })

  test('confirms that files are gone', async () => {
    await using house = await House.open()
    const source = house.addSource(house.addOwner('anna'), 'nas', { withheld: 42 })
    const answer = await house.ask('/api/users/anna/sources/nas/confirm-deletions', {
      method: 'POST',
    })
    expect(answer).toMatchObject({ status: 202, json: { files: 42 } })
    expect(house.confirmed).toEqual([source.id])
  })

  test('cannot do so by a GET, nor to the source of another', async () => {
    await using house = await House.open()
    house.addSource(house.addOwner('anna'), 'nas')
    house.addOwner('bob')
    expect((await house.ask('/api/users/anna/sources/nas/sync')).status).toBe(404)
    const answer = await house.ask('/api/users/bob/sources/nas/sync', { method: 'POST' })
    expect(answer).toMatchObject({ status: 404, json: { code: 'unknown-source' } })
    expect(house.asked).toEqual([])
  })

  test('sees which files are no good, why, and what to do', async () => {
    await using house = await House.open()
    const source = house.addSource(house.addOwner('anna'), 'nas')
    for (let i = 0; i < 3; i++) {
      const path = `Album/${i}.mp3`
      house.troubles.push({
        sourceId: source.id,
        path,
        state: 'skipped',
        code: 'unparsable',
        message: 'Damaged.',
      })
    }
    const { json } = await house.ask('/api/users/anna/sources/nas/troubles?limit=1')
    expect(json['troubles']).toEqual([
      {
        path: 'Album/0.mp3',
        state: 'skipped',
        code: 'unparsable',
        message: 'Damaged.',
        hint: 'The file is damaged, or not what its name says.',
      },
    ])
  })
})

describe('Health', () => {
  test('is 200 while all is well', async () => {
    await using house = await House.open()
    house.checks = async () => [{ name: 'disk', isWell: true, message: '3 GB free.' }]
    expect(await house.ask('/health')).toMatchObject({
      status: 200,
      json: {
        status: 'ok',
        version: '1.2.3',
        stalls: [],
        checks: [{ name: 'disk', isWell: true }],
      },
    })
  })

  test('is 503 when owed work does not move', async () => {
    await using house = await House.open()
    house.stalls = [{ sourceId: 7, sinceMs: 1_000 }]
    expect(await house.ask('/health')).toMatchObject({
      status: 503,
      json: { status: 'failing', stalls: [{ sourceId: 7, sinceMs: 1_000 }] },
    })
  })

  test('is 503 when a check fails, or cannot even be made', async () => {
    await using house = await House.open()
    house.checks = async () => [{ name: 'disk', isWell: false, message: 'Full.' }]
    expect(await house.ask('/health')).toMatchObject({
      status: 503,
      json: { checks: [{ name: 'disk', isWell: false, message: 'Full.' }] },
    })
    house.checks = () => Promise.reject(new Error('secret path'))
    const broken = await house.ask('/health')
    expect(broken).toMatchObject({
      status: 503,
      json: { checks: [{ name: 'checks', isWell: false }] },
    })
    expect(broken.text).not.toMatch(/secret/)
  })
})

test('Metrics are what Prometheus reads', async () => {
  await using house = await House.open()
  const answer = await house.ask('/metrics')
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(answer.text).toBe('sync_tasks_started_total 1\n')
})

test('Every answer, errors included, is kept by nobody and run by nobody', async () => {
  await using house = await House.open()
  for (const path of [
    '/health',
    '/api/status',
    '/api/nothing',
    '/api/tracks?limit=0',
    '/api/%zz',
  ]) {
    const { headers } = await house.ask(path)
    expect(headers, path).toMatchObject({
      'content-security-policy': expect.stringMatching(
        /default-src 'none'.*frame-ancestors 'none'/,
      ),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(headers['access-control-allow-origin']).toBeUndefined()
  }
})
