import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { House } from './house.ts'

/** Everything that the server answers to bytes that are not quite a request. */
function raw(house: House, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(house.url.port), house.url.hostname, () => socket.write(text))
    socket.setEncoding('utf8')
    socket.on('data', (data: string) => {
      answer += data
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

test('Bytes that are no request are answered with a problem', async () => {
  await using house = await House.open()
  const answer = await raw(house, 'this is not HTTP\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json/)
  expect(answer).toMatch(/"code":"bad-request"/)
})

test('Headers beyond 32 KiB are refused', async () => {
  await using house = await House.open()
  const answer = await raw(house, `GET /health HTTP/1.1\r\nx: ${'x'.repeat(33 * 1_024)}\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 431 /)
})

test('The longest page mark fits in, and a longer one is told to be too long', async () => {
  await using house = await House.open()
  house.addOwner('anna')
  expect((await house.ask(`/api/tracks?after=${'7'.padStart(24_576, '0')}`)).status).toBe(200)
  const answer = await house.ask(`/api/tracks?after=${'7'.padStart(24_577, '0')}`)
  expect(answer.status).toBe(400)
  expect(answer.json['detail']).toMatch(/more than 24576 characters/)
})

test('A body beyond 64 KiB is refused', async () => {
  await using house = await House.open()
  house.addSource(house.addOwner('anna'), 'nas')
  const post = (length: number) =>
    house.ask('/api/users/anna/sources/nas/sync', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify('x'.repeat(length - 2)),
    })
  expect((await post(64 * 1_024)).status).toBe(202)
  expect(await post(64 * 1_024 + 1)).toMatchObject({ status: 413, json: { code: 'bad-request' } })
  expect(house.asked).toHaveLength(1)
})

test('A body of an unknown kind is refused', async () => {
  await using house = await House.open()
  house.addSource(house.addOwner('anna'), 'nas')
  const headers = { 'content-type': 'application/xml' }
  const options = { method: 'POST', headers, body: '<x/>' } as const
  expect((await house.ask('/api/users/anna/sources/nas/sync', options)).status).toBe(415)
})
