import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { House, until } from './house.ts'

const bytes = Buffer.from('ffd8ffe0-not-really-a-picture')
const hash = createHash('sha256').update(bytes).digest('hex')

describe('A cover', () => {
  let house: House
  const hang = (mime: string): void => {
    house.covers.set(12, { bytes, mime, hash, ownerId: 1 })
  }
  beforeAll(async () => {
    house = await House.open()
    house.addOwner('anna')
    house.addOwner('bob')
  })
  beforeEach(() => hang('image/jpeg'))
  afterAll(() => house.server.close())

  test('is sent as what it is, and named by its hash', async () => {
    const answer = await house.ask('/api/covers/12')
    expect(answer.status).toBe(200)
    expect(answer.bytes).toEqual(bytes)
    expect(answer.headers).toMatchObject({
      etag: `"${hash}"`,
      'content-type': 'image/jpeg',
      'content-length': String(bytes.length),
      'content-disposition': 'inline; filename="cover-12.jpg"',
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, max-age=3600',
    })
  })

  test.for([`"${hash}"`, `W/"${hash}"`, `"other", "${hash}"`, '*'])(
    'is not sent again to who has it: If-None-Match: %s',
    async (header) => {
      const answer = await house.ask('/api/covers/12', { headers: { 'if-none-match': header } })
      expect(answer.status).toBe(304)
      expect(answer.bytes.length).toBe(0)
      expect(answer.headers['etag']).toBe(`"${hash}"`)
    },
  )

  test('is sent to who has another one', async () => {
    const headers = { 'if-none-match': '"another"' }
    expect((await house.ask('/api/covers/12', { headers })).status).toBe(200)
  })

  test.for(['text/html', 'image/svg+xml', 'application/xhtml+xml', 'image/jpeg; x=y', '-->'])(
    'that claims to be %s is a download of plain bytes',
    async (mime) => {
      hang(mime)
      expect((await house.ask('/api/covers/12')).headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment; filename="cover-12.bin"',
      })
    },
  )

  test("that is not there, or not this user's, is a 404", async () => {
    for (const path of ['/api/covers/13', '/api/covers/12?user=bob']) {
      expect(await house.ask(path)).toMatchObject({ status: 404, json: { code: 'unknown-cover' } })
    }
    expect((await house.ask('/api/covers/12?user=anna')).status).toBe(200)
  })

  test('that its drive does not give in time is called off', async () => {
    const clock = new VirtualClock()
    await using house = await House.open({ clock })
    let asked: AbortSignal | null = null
    house.onCover = (signal) => {
      asked = signal
      return new Promise(() => undefined)
    }
    let isAnswered = false
    const asking = house.ask('/api/covers/12').finally(() => {
      isAnswered = true
    })
    await until(
      () => isAnswered,
      () => clock.step(clock.elapsed() + 60_000),
    )
    expect(await asking).toMatchObject({ status: 504, json: { code: 'timeout' } })
    expect(asked).toMatchObject({ aborted: true })
  })

  test('is not read on when the client has left, and nobody complains', async () => {
    await using house = await House.open()
    const leaving = new AbortController()
    const calledOff = new Promise<void>((resolve) => {
      house.onCover = (signal) => {
        leaving.abort()
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            resolve()
            reject(signal.reason as Error)
          })
        })
      }
    })
    await expect(
      fetch(new URL('/api/covers/12', house.url), { signal: leaving.signal }),
    ).rejects.toThrow()
    await calledOff
    await house.ask('/health')
    expect(house.lines).toEqual([])
  })
})
