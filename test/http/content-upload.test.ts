import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { createContentClient } from 'dcl-catalyst-client'
import { describe, expect, test } from 'vitest'
import type { AuthChain } from '../../src/content/entity.ts'
import { hashV0, hashV1 } from '../../src/content/hashing.ts'
import { usualUploadLimits } from '../../src/http/content/upload.ts'
import { makeIdentity, signedProfile, signedScene, simpleChain } from '../content/signer.ts'
import { ContentNode, formOf, formOfSigned, type ContentAnswer } from './content-node.ts'
import { until } from './house.ts'

const timestamp = 1_795_288_697_295
const identity = makeIdentity(1)
const profile = signedProfile({ identity, timestamp })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Nothing that came in is left anywhere. */
async function expectNothingLeft(node: ContentNode): Promise<void> {
  await until(() => node.open.size === 0, turn)
  const names = await readdir(node.root, { recursive: true })
  expect(names.filter((name) => /content\/./.test(name) && /[\w-]{30,}/.test(name))).toEqual([])
}

/** A form has a carriage return in each end of a line, which no signature counts. */
const asInForm = (chain: AuthChain): AuthChain =>
  chain.map((link) => ({ ...link, payload: link.payload.replaceAll('\n', '\r\n') }))

const refused = (answer: ContentAnswer): unknown => [answer.status, answer.json]

describe('a deployment', () => {
  test('goes to its files and to who examines it', async () => {
    await using node = await ContentNode.open()
    const big = randomBytes(400_000)
    const signed = signedScene({ identity, timestamp, files: { 'big.bin': big } })
    const answer = await node.post(formOfSigned(signed))
    expect(answer.status, answer.text).toBe(200)
    const { creationTimestamp } = answer.json as { creationTimestamp: number }
    expect(creationTimestamp).toBe(node.nowMs)
    const [upload] = node.uploads
    expect(upload!.entityId).toBe(signed.entityId)
    expect(upload!.authChain).toEqual(asInForm(signed.authChain))
    expect(upload!.files.map(({ hash }) => hash).sort()).toEqual(
      [signed.entityId, ...signed.contents.keys()].sort(),
    )
    for (const [hash, bytes] of [[signed.entityId, signed.file] as const, ...signed.contents]) {
      expect((await node.ask(`/contents/${hash}`)).bytes.equals(bytes)).toBe(true)
    }
  })

  test('goes back and forth with the client of the network', async () => {
    await using node = await ContentNode.open()
    const url = `${node.url.origin}/content`
    // The client asks for a fetcher of its own making, which `fetch` is as well.
    const client = createContentClient({ url, fetcher: { fetch } })
    const signed = signedScene({ identity, timestamp, files: { 'big.bin': randomBytes(100_000) } })
    const { entityId, file, contents } = signed
    const files = new Map([[entityId, Buffer.from(file)], ...contents])
    const deployed: unknown = await client.deploy({
      entityId,
      authChain: [...signed.authChain] as never,
      files,
    })
    // What its fetcher gave.
    expect(await (deployed as Response).json()).toEqual({ creationTimestamp: node.nowMs })
    const [entity] = await client.fetchEntitiesByPointers(['0,0'])
    expect(entity).toMatchObject({ id: entityId, type: 'scene', pointers: ['0,0'] })
    expect(await client.fetchEntityById(entityId)).toEqual(entity)
    for (const { hash } of entity!.content) {
      expect(Buffer.from(await client.downloadContent(hash)).equals(contents.get(hash)!)).toBe(true)
    }
    const [known] = await client.isContentAvailable([entityId])
    expect(known).toEqual({ cid: entityId, available: true })
  })

  test('comes with its chain in three ways', async () => {
    await using node = await ContentNode.open()
    const { entityId, authChain, file } = profile
    const files = [[entityId, file]] as const
    await node.post(formOf({ entityId, authChain, files }))
    await node.post(formOf({ entityId, files, fields: { authChain: JSON.stringify(authChain) } }))
    const simple = simpleChain(identity, entityId)
    const signature = simple[1]!.signature!
    const fields = { ethAddress: identity.address, signature }
    await node.post(formOf({ entityId, files, fields }))
    const contract = { ethAddress: identity.address, signature: '0x1234' }
    await node.post(formOf({ entityId, files, fields: contract }))
    expect(node.uploads.map(({ authChain: chain }) => chain)).toEqual([
      asInForm(authChain),
      authChain,
      simple,
      [simple[0], { payload: entityId, signature: '0x1234', type: 'ECDSA_EIP_1654_SIGNED_ENTITY' }],
    ])
  })

  test('is hashed in the form of its id', async () => {
    await using node = await ContentNode.open()
    const file = Buffer.from('an old entity')
    const entityId = hashV0(file)
    const { authChain } = profile
    node.refusal = ['too old']
    await node.post(formOf({ entityId, authChain, files: [['a', file]] }))
    expect(node.uploads[0]!.files.map(({ hash }) => hash)).toEqual([entityId])
    const late = new FormData()
    late.append('a', new Blob([file]), 'a')
    late.append('authChain', JSON.stringify(authChain))
    late.append('entityId', entityId)
    expect(refused(await node.post(late))).toEqual([
      400,
      { error: 'The field entityId has to come before the files' },
    ])
    late.set('entityId', hashV1(file))
    await node.post(late)
    expect(node.uploads[1]!.files.map(({ hash }) => hash)).toEqual([hashV1(file)])
    await expectNothingLeft(node)
  })

  test('is refused in the words of who examined it', async () => {
    await using node = await ContentNode.open()
    node.refusal = ['The deployment is too big.', 'And late.']
    const answer = await node.post(formOfSigned(profile))
    expect(refused(answer)).toEqual([400, { errors: ['The deployment is too big.', 'And late.'] }])
    await expectNothingLeft(node)
  })

  test('has to wait until the node knows the others', async () => {
    await using node = await ContentNode.open()
    node.status = { state: 'Bootstrapping', lastSyncWithDaoMs: 0 }
    const answer = await node.post(formOfSigned(profile))
    expect(refused(answer)).toEqual([
      503,
      { error: 'Deployments are not allowed while the Catalyst is bootstrapping' },
    ])
    expect(node.uploads).toEqual([])
  })

  test('finds no way into a node that only reads', async () => {
    await using node = await ContentNode.open({ isReadOnly: true })
    const answer = await node.post(formOfSigned(profile))
    expect([answer.status, answer.text]).toEqual([404, 'Not found'])
  })
})

describe('a form that is no good', () => {
  const { entityId, authChain, file } = profile
  const files = [[entityId, file]] as const
  const link = { type: 'SIGNER', payload: identity.address, signature: '' }

  test.each<[string, FormData, string]>([
    ['without an id', formOf({ authChain, files }), 'Missing required field: entityId'],
    [
      'with an empty id',
      formOf({ entityId: '', authChain, files }),
      'Missing required field: entityId',
    ],
    ['without a chain', formOf({ entityId, files }), 'No auth chain can be derivated'],
    [
      'with an address alone',
      formOf({ entityId, files, fields: { ethAddress: identity.address } }),
      'No auth chain can be derivated',
    ],
    [
      'with a gap in its chain',
      formOf({ entityId, files, authChain: [link], fields: { 'authChain[2][type]': 'SIGNER' } }),
      'Missing auth chain element at index 1',
    ],
    [
      'with half a link',
      formOf({ entityId, files, fields: { 'authChain[0][type]': 'SIGNER' } }),
      'Missing auth chain element at index 0',
    ],
    [
      'with an eleventh link',
      formOf({ entityId, files, fields: { 'authChain[10][type]': 'SIGNER' } }),
      'Auth chain is too long; the maximum allowed is 10 elements',
    ],
    [
      'with a link far away',
      formOf({ entityId, files, fields: { 'authChain[4294967295][type]': 'SIGNER' } }),
      'Auth chain is too long; the maximum allowed is 10 elements',
    ],
    [
      'with a chain that is too long',
      formOf({
        entityId,
        files,
        fields: { authChain: JSON.stringify(Array.from({ length: 11 }, () => link)) },
      }),
      'Auth chain is too long; the maximum allowed is 10 elements',
    ],
    [
      'with a chain that is no JSON',
      formOf({ entityId, files, fields: { authChain: '[{' } }),
      'Invalid auth chain',
    ],
    ...['null', '{}', '[]', '[1]', '"x"', '[{"type":"x"}]'].map(
      (text): [string, FormData, string] => [
        `with ${text} as its chain`,
        formOf({ entityId, files, fields: { authChain: text } }),
        text === 'null' ? 'No auth chain can be derivated' : 'Invalid auth chain',
      ],
    ),
  ])('%s', async (_, form, error) => {
    await using node = await ContentNode.open()
    expect(refused(await node.post(form))).toEqual([400, { error }])
    expect(node.uploads).toEqual([])
    await expectNothingLeft(node)
  })

  test.each([
    ['application/json', '{}'],
    ['multipart/form-data', 'no boundary'],
    ['multipart/form-data; boundary=x', '--x\r\nno end'],
    ['multipart/form-data; boundary=x', ''],
    ['multipart/mixed; boundary=x', '--x--'],
  ])('of type %s: %s', async (type, body) => {
    await using node = await ContentNode.open()
    const headers = { 'content-type': type }
    const answer = await node.ask('/entities', { method: 'POST', headers, body })
    expect(answer.status).toBe(400)
    expect((answer.json as { error: string }).error).toMatch(/^The form cannot be read: ./)
  })
})

describe('too much of it', () => {
  const { entityId, authChain } = profile
  const small = {
    ...usualUploadLimits,
    fileBytes: 100_000,
    totalBytes: 500_000,
    fieldBytes: 2_000,
  }

  test('a file', async () => {
    await using node = await ContentNode.open({ limits: small })
    const files = [['a', randomBytes(70_000)] as const, ['b', randomBytes(100_001)] as const]
    expect(refused(await node.post(formOf({ entityId, authChain, files })))).toEqual([
      413,
      { error: 'A file is too big: the maximum allowed is 100000 bytes' },
    ])
    await expectNothingLeft(node)
    const fitting = [['a', randomBytes(100_000)] as const]
    node.refusal = ['read']
    const answer = await node.post(formOf({ entityId, authChain, files: fitting }))
    expect(refused(answer)).toEqual([400, { errors: ['read'] }])
  })

  test('3,001 files, and not 3,000', async () => {
    await using node = await ContentNode.open()
    const many = (count: number) =>
      Array.from({ length: count }, (_, n) => [`f${n}`, Buffer.from(`file ${n}`)] as const)
    const answer = await node.post(formOf({ entityId, authChain, files: many(3_001) }))
    expect(refused(answer)).toEqual([413, { error: 'Too many files: the maximum allowed is 3000' }])
    await expectNothingLeft(node)
    node.refusal = ['read']
    const fitting = await node.post(formOf({ entityId, authChain, files: many(3_000) }))
    expect(refused(fitting)).toEqual([400, { errors: ['read'] }])
    expect(node.mostAtOnce).toBeGreaterThan(0)
    expect(node.mostAtOnce).toBeLessThanOrEqual(4)
    expect(new Set(node.uploads[0]!.files.map(({ hash }) => hash)).size).toBe(3_000)
  })

  test('fields', async () => {
    await using node = await ContentNode.open()
    const fields = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`a${n}`, 'b']))
    expect(refused(await node.post(formOf({ fields })))).toEqual([
      413,
      { error: 'Too many fields: the maximum allowed is 100' },
    ])
    const big = formOf({ entityId, fields: { authChain: 'x'.repeat(102_401) } })
    expect(refused(await node.post(big))).toEqual([
      413,
      { error: 'A field is too big: the maximum allowed is 102400 bytes' },
    ])
    const bomb = formOf({ entityId, fields: { ['n'.repeat(100_000)]: 'x' } })
    expect((await node.post(bomb)).status).toBe(400)
  })

  test('a whole that says so', async () => {
    await using node = await ContentNode.open({ limits: small })
    const files = Array.from({ length: 6 }, (_, n) => [`f${n}`, randomBytes(90_000)] as const)
    const answer = await node.post(formOf({ entityId, authChain, files }))
    expect(refused(answer)).toEqual([
      413,
      { error: 'The upload is too big: the maximum allowed is 500000 bytes' },
    ])
    await expectNothingLeft(node)
  })

  test('a whole that does not say how much it is', async () => {
    await using node = await ContentNode.open({ limits: small })
    const sending = send(node, { 'content-type': 'multipart/form-data; boundary=x' })
    const answer = answerOf(sending)
    sending.on('error', () => undefined)
    for (let n = 0; n < 7; n++) {
      sending.write(`--x\r\ncontent-disposition: form-data; name="a"; filename="${n}"\r\n\r\n`)
      sending.write(randomBytes(90_000))
      sending.write('\r\n')
    }
    sending.end('--x--\r\n')
    expect(await answer).toEqual([
      413,
      '{"error":"The upload is too big: the maximum allowed is 500000 bytes"}',
    ])
    await expectNothingLeft(node)
  })

  test('at the same time', async () => {
    await using node = await ContentNode.open({
      limits: { ...small, uploads: 1, heldBytes: 1_000 },
    })
    const waiting = send(node, { 'content-type': 'multipart/form-data; boundary=x' })
    waiting.on('error', () => undefined)
    waiting.write(
      '--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nbytes\r\n--x\r\n',
    )
    await until(() => node.open.size === 1, turn)
    const busy = {
      error: 'Too much is being uploaded at the same time. Please try again in a few seconds.',
    }
    const answer = await node.post(formOfSigned(profile))
    expect([...(refused(answer) as unknown[]), answer.headers['retry-after']]).toEqual([
      503,
      busy,
      '5',
    ])
    waiting.destroy()
    await until(() => node.open.size === 0, turn)
    expect((await node.post(formOfSigned(profile))).status).toBe(200)
    const heavy = [['a', Buffer.alloc(600)] as const, ['b', Buffer.alloc(601)] as const]
    expect(refused(await node.post(formOf({ entityId, authChain, files: heavy })))).toEqual([
      503,
      busy,
    ])
    await expectNothingLeft(node)
    const again = signedProfile({ identity, timestamp: timestamp + 1 })
    expect((await node.post(formOfSigned(again))).status).toBe(200)
  })

  test('patience', async () => {
    const limits = { ...small, slowestRate: 1_000_000, patienceMs: 50, ms: 5_000, uploads: 1 }
    await using node = await ContentNode.open({ limits })
    const waiting = send(node, { 'content-type': 'multipart/form-data; boundary=x' })
    waiting.on('error', () => undefined)
    waiting.write('--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nbytes')
    expect(await answerOf(waiting)).toEqual([
      408,
      '{"error":"The upload came at less than 1000000 bytes a second."}',
    ])
    await expectNothingLeft(node)
    expect((await node.post(formOfSigned(profile))).status).toBe(200)
  })

  test('time', async () => {
    await using node = await ContentNode.open({ limits: { ...small, ms: 50 } })
    const sending = send(node, { 'content-type': 'multipart/form-data; boundary=x' })
    sending.on('error', () => undefined)
    const answer = answerOf(sending)
    sending.write('--x\r\ncontent-disposition: form-data; name="a"; filename="a"\r\n\r\nbytes')
    expect(await answer).toEqual([504, '{"error":"A deployment took longer than 50 ms."}'])
    await expectNothingLeft(node)
    sending.destroy()
  })
})

test('a full disk is told, and nothing of the deployment stays', async () => {
  await using node = await ContentNode.open()
  const { entityId, authChain, file } = profile
  node.isFull = true
  const files = [
    [entityId, file],
    ['b', randomBytes(70_000)],
  ] as const
  expect(refused(await node.post(formOf({ entityId, authChain, files })))).toEqual([
    507,
    { error: 'There is no space left on this server' },
  ])
  expect(node.uploads).toEqual([])
  await expectNothingLeft(node)
})

describe('a client that leaves', () => {
  test('in the middle of a file takes everything with it', async () => {
    await using node = await ContentNode.open()
    const sending = send(node, {
      'content-type': 'multipart/form-data; boundary=x',
      'content-length': '1000000',
    })
    sending.on('error', () => undefined)
    const part = (name: string) =>
      `--x\r\ncontent-disposition: form-data; name="${name}"; filename="${name}"\r\n\r\n`
    sending.write(`--x\r\ncontent-disposition: form-data; name="entityId"\r\n\r\nid\r\n`)
    sending.write(part('a'))
    sending.write(randomBytes(200_000))
    sending.write('\r\n')
    sending.write(part('b'))
    sending.write('small\r\n')
    sending.write(part('c'))
    sending.write(randomBytes(200_000))
    await until(() => node.open.size === 2, turn)
    sending.destroy()
    await expectNothingLeft(node)
    expect(node.uploads).toEqual([])
    expect((await node.post(formOfSigned(profile))).status).toBe(200)
  })

  test('at whatever byte, brings nobody down', async () => {
    await using node = await ContentNode.open()
    const form = new Response(formOfSigned(profile))
    const headers = { 'content-type': form.headers.get('content-type')! }
    const bytes = Buffer.from(await form.arrayBuffer())
    for (let end = 0; end < bytes.length; end += 97) {
      const sending = send(node, { ...headers, 'content-length': String(bytes.length) })
      sending.on('error', () => undefined)
      sending.write(bytes.subarray(0, end), () => sending.destroy())
      await new Promise((resolve) => sending.on('close', resolve))
    }
    expect(node.uploads).toEqual([])
    await expectNothingLeft(node)
    // Cut just the same, and sent as if that were all.
    for (let end = 0; end < bytes.length - 2; end += 211) {
      const sending = send(node, { ...headers, 'content-length': String(end) })
      sending.end(bytes.subarray(0, end))
      const [status] = await answerOf(sending)
      expect(status, `${end} bytes`).toBe(400)
    }
    expect(node.uploads).toEqual([])
    await expectNothingLeft(node)
    expect((await node.post(formOfSigned(profile))).status).toBe(200)
  })

  test('while its files stand in line, brings nobody down', async () => {
    await using node = await ContentNode.open()
    node.isHeld = true
    const files = Array.from({ length: 8 }, (_, n) => [`f${n}`, Buffer.from(`file ${n}`)] as const)
    const form = new Response(formOf({ entityId: profile.entityId, files }))
    const headers = { 'content-type': form.headers.get('content-type')! }
    const bytes = Buffer.from(await form.arrayBuffer())
    // The line of what came before it is over once its own has begun.
    const last = bytes.lastIndexOf('"f7"')
    for (let end = last + 3; end < bytes.length - 2; end += 5) {
      node.mostAtOnce = 0
      const sending = send(node, { ...headers, 'content-length': String(end) })
      sending.write(bytes.subarray(0, last))
      await until(() => node.mostAtOnce === 4, turn)
      sending.end(bytes.subarray(last, end))
      const [status] = await answerOf(sending)
      expect(status, `${end} bytes`).toBe(400)
    }
    await expectNothingLeft(node)
  })
})

function send(node: ContentNode, headers: Record<string, string>): ClientRequest {
  const { hostname, port } = node.url
  return httpRequest({ hostname, port, path: '/content/entities', method: 'POST', headers })
}

async function answerOf(sending: ClientRequest): Promise<[number, string]> {
  const [answer] = (await once(sending, 'response')) as [IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of answer) pieces.push(piece as Buffer)
  return [answer.statusCode ?? 0, Buffer.concat(pieces).toString()]
}
