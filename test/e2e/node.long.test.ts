import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HealthReport } from '../../src/http/health.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { makeIdentity, signedScene } from '../content/signer.ts'
import { freshDatabase } from '../servers/postgres-database.ts'
import {
  NodeHouse,
  deadPeer,
  deploy,
  deployProfiles,
  report,
  serveFirst,
  stop,
  total,
} from './node-house.ts'
import { until, type Serving } from './roundelay.ts'

let house: NodeHouse

beforeEach(() => {
  house = new NodeHouse()
})

afterEach(() => house[Symbol.asyncDispose]())

test('peers that are all away are told by /health, /status and doctor, and the node stays well', async () => {
  const node = await house.node()
  const { url } = await node.serve(['--content', '--peers', deadPeer])
  const health = await until(
    async () => (await (await fetch(`${url}/health`)).json()) as HealthReport,
    ({ checks }) => checks.some(({ message }) => message.includes('Unreachable: 1 of 1')),
  )
  expect(health.status).toBe('ok')
  const status = async (): Promise<object> =>
    (await (await fetch(`${url}/content/status`)).json()) as object
  await until(status, (told) => JSON.stringify(told).includes('"unreachable":1'))
  const doctor = await node.run(['doctor', '--content'])
  expect(doctor.stdout).toMatch(/^ok +signatures are checked natively$/m)
  expect(doctor.stdout).toMatch(/^ok +content folder: \S+$/m)
  expect(doctor.stdout).toMatch(/^trouble +peer http:\/\/127\.0\.0\.1:9\/content: .*ECONNREFUSED/m)
  expect(doctor.status).toBe(1)
  // Nobody who is no content node is told of peers.
  expect(await node.ask(['doctor'])).not.toContain('peer')
})

test('doctor asks peers that are named and not followed yet, and looks whether content can be written', async () => {
  const [first, second] = [await house.node(), await house.node()]
  const { url } = await serveFirst(first)
  const asked = ['doctor', '--content', '--peers', `${url}/content`]
  expect(await second.ask(asked)).toMatch(/^ok +peer \S+\/content answers$/m)
  expect(await second.ask(['doctor', '--content'])).toMatch(/^note +this node has no peers yet/m)
  const third = await house.node()
  await mkdir(third.data)
  await writeFile(join(third.data, 'content'), 'no folder')
  const { stdout, status } = await third.run(asked)
  expect(stdout).toMatch(/^trouble +nothing can be written to the content folder/m)
  expect(status).toBe(1)
})

test('doctor tells whose clock differs from ours', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('date', new Date(Date.now() - 3 * 3_600_000).toUTCString())
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // It listens on a port, and on no pipe.
  const { port } = server.address() as AddressInfo
  const node = await house.node()
  const peer = `http://127.0.0.1:${port}/content`
  const { stdout, status } = await node.run(['doctor', '--content', '--peers', peer])
  expect(stdout).toMatch(/^trouble +peer \S+ answers, but its clock is 3 h behind ours: /m)
  expect(status).toBe(1)
  await new Promise((resolve) => server.close(resolve))
})

test('content that nobody has any more is told, and gone', async () => {
  const node = await house.node()
  const serving = await serveFirst(node)
  const { url } = serving
  const files = { 'small.bin': randomBytes(100) }
  await deploy(url, signedScene({ identity: makeIdentity(1), timestamp: Date.now(), files }))
  await stop(serving)
  const database = new Database(join(node.data, 'roundelay.db'))
  database.exec("update small_blob set bytes = x'00'")
  database.close()
  const mended = await node.run(['node', 'verify', '--repair'])
  expect(mended.stdout).toMatch(/is damaged: could not be fetched: .*--repair again later/)
  const { stdout, status } = await node.run(['node', 'verify'])
  expect(stdout).toMatch(/^content ba\w+ is missing \(of ba\w+\): --repair/m)
  expect(status).toBe(1)
})

for (const kind of ['SQLite', 'PostgreSQL'] as const) {
  test(`snapshots are written when somebody asks, by a server that runs or without one, on ${kind}`, async () => {
    const database = kind === 'PostgreSQL' ? await freshDatabase() : null
    const env =
      database === null ? {} : { DATABASE_URL: database.url, ROUNDELAY_KEY: 'ab'.repeat(32) }
    const node = await house.node()
    const serving = await serveFirst(node, { env })
    const { url, command } = serving
    await until(
      async () => (await fetch(`${url}/content/snapshots`)).status,
      (status) => status === 200,
    )
    const { snapshots: before } = await report(node, { env })
    expect(await node.ask(['node', 'snapshot'], { env })).toMatch(/^\d+ snapshots of 0 entities/)
    const { snapshots: after } = await report(node, { env })
    expect(after.writtenMs).toBeGreaterThan(before.writtenMs ?? 0)
    expect(command.stderr.match(/snapshots are written/g)).toHaveLength(2)
    await deployProfiles(url, 2)
    expect(await report(node, { env })).toMatchObject({ active: { profile: 2 }, peers: [] })
    expect(await node.ask(['node', 'verify'], { env })).toContain('2 active entities: all is well')
    await stop(serving)
    await node.ask(['node', 'snapshot'], { env })
    const { snapshots: last } = await report(node, { env })
    expect(last.writtenMs).toBeGreaterThan(after.writtenMs ?? 0)
    await database?.drop()
  })
}

test('a node of some kinds holds those alone, and takes up the rest when there are more', async () => {
  const [first, second] = [await house.node(), await house.node()]
  const { url } = await serveFirst(first)
  await deployProfiles(url, 2)
  await deploy(url, signedScene({ identity: makeIdentity(7), timestamp: Date.now() }))
  const serve = (...more: string[]): Promise<Serving> =>
    second.serve(['--content', '--peers', `${url}/content`, ...more])
  const few = await serve('--types', 'scene')
  await until(
    () => report(second),
    (now) => total(now) === 1,
  )
  const fresh = await fetch(`${few.url}/content/freshest`)
  const { deltas } = (await fresh.json()) as { deltas: readonly { entityType: string }[] }
  expect(deltas).toMatchObject([{ entityType: 'scene' }])
  // Its cursor is behind all that there is by now.
  const level = await until(
    () => report(second),
    ({ peers }) => (peers[0]?.seenMs ?? 0) > Date.now() - 60_000,
  )
  expect(level.active).toMatchObject({ scene: 1, profile: 0 })
  await stop(few)
  await serve()
  const all = await until(
    () => report(second),
    (now) => total(now) === 3,
  )
  expect(all.active).toMatchObject({ scene: 1, profile: 2 })
})
