import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, readdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isContentHash } from '../../src/content/hashing.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { makeIdentity, signedScene } from '../content/signer.ts'
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
import { until } from './roundelay.ts'

let house: NodeHouse

beforeEach(() => {
  house = new NodeHouse()
})

afterEach(() => house[Symbol.asyncDispose]())

test('status tells of each peer how far it has been followed, and since when it does not answer', async () => {
  const [first, second] = [await house.node(), await house.node()]
  expect(await second.ask(['node', 'status'])).toMatch(/holds no content node yet.*serve --content/)
  const { url, command } = await serveFirst(first)
  await deployProfiles(url, 3)
  const peer = `${url}/content`
  await second.serve(['--content', '--peers', `${peer},${deadPeer}`])
  const known = await until(
    () => report(second),
    (now) =>
      now.state === 'Syncing' &&
      total(now) === 3 &&
      now.peers.some(({ state }) => state === 'unreachable'),
  )
  expect(known).toMatchObject({
    state: 'Syncing',
    active: { profile: 3, scene: 0 },
    failed: 0,
    attendance: { state: 'works' },
  })
  const dead = known.peers.find(({ url: at }) => at === deadPeer)
  const well = known.peers.find(({ url: at }) => at === peer)
  expect(dead).toMatchObject({ url: deadPeer, wellMs: null, lagMs: null, taken: 0 })
  expect(dead?.error).toMatchObject({ code: 'unreachable' })
  expect(well).toMatchObject({ url: peer, state: 'following', taken: 3, failed: 0 })
  expect(well?.lagMs).toBeLessThan(60_000)
  // By the clock of the peer, which is this machine's.
  expect(Math.abs(Date.now() - (well?.seenMs ?? 0))).toBeLessThan(60_000)

  command.kill('SIGKILL')
  await until(
    () => report(second),
    ({ peers }) => peers.every(({ state }) => state === 'unreachable'),
  )
  const text = await second.ask(['node', 'status'])
  expect(text).toMatch(/^active entities: 3 \(profile 3\); failed deployments: 0$/m)
  expect(text).toMatch(
    /^snapshots: \d+ of \d+ entities \(of whole days, UTC\), written \d+ s ago$/m,
  )
  expect(text).toMatch(/9\/content +unreachable, never reached, asked again in .* unreachable: /m)
  expect(text).toMatch(
    /\/content +unreachable for \d+ s, asked again in \d+ s +20\d\d-\S+Z .* 3 +0 +/m,
  )
})

test('a node that is on its own list does not take itself for a peer that it has caught up with', async () => {
  const node = await house.node()
  const port = await freePort()
  const itself = `http://127.0.0.1:${port}/content`
  await node.serve(['--content', '--port', String(port), '--peers', `${itself},${deadPeer}`])
  const known = await until(
    () => report(node),
    ({ peers }) => peers.some(({ state }) => state === 'unreachable'),
  )
  expect(known).toMatchObject({ state: 'Bootstrapping', peers: [{ url: deadPeer }] })
})

test('verify finds what is damaged, and mends it from the peers', async () => {
  const [first, second] = [await house.node(), await house.node()]
  const { url } = await serveFirst(first)
  const identity = makeIdentity(1)
  const files = { 'big.bin': randomBytes(100_000), 'small.bin': randomBytes(100) }
  const scene = signedScene({ identity, timestamp: Date.now(), files })
  await deploy(url, scene)
  await deployProfiles(url, 2)
  const serving = await second.serve(['--content', '--peers', `${url}/content`])
  await until(
    () => report(second),
    (now) => total(now) === 3,
  )
  expect(await second.ask(['node', 'verify'])).toMatch(/, 3 active entities: all is well\.$/m)
  await stop(serving)

  await damageFiles(join(second.data, 'content'))
  const database = new Database(join(second.data, 'roundelay.db'))
  database.exec("update small_blob set bytes = x'00'")
  database.exec("update entity_file set bytes = x'00' where id = 1")
  database.exec("update deployment set auth_chain = replace(auth_chain, '0x', '0X0') where id = 2")
  database.close()
  const looked = await second.run(['node', 'verify'])
  expect(looked.status).toBe(1)
  const hashes = [...scene.contents.keys()]
  for (const hash of hashes) expect(looked.stdout).toMatch(`content ${hash} is damaged: --repair`)
  expect(looked.stdout).toMatch(/^entity file ba\w+ is damaged: --repair/m)
  expect(looked.stdout).toMatch(
    /^entity ba\w+ is refused \(.*signature.*\): have it deployed anew/m,
  )
  const mended = await second.run(['node', 'verify', '--repair'])
  for (const hash of hashes) expect(mended.stdout).toMatch(`${hash} is damaged: fetched anew`)
  expect(mended.stdout).toMatch(/^content ba\w+ is damaged: removed; roundelay node snapshot/m)
  expect(mended.stdout).toMatch(/^entity file ba\w+ is damaged: fetched anew/m)
  const after = await second.run(['node', 'verify', '--json'])
  expect(JSON.parse(after.stdout)).toMatchObject({
    entities: 3,
    damaged: 1,
    left: 1,
    damages: [{ what: 'signature', state: 'refused' }],
  })
  // Served again as it was, to whoever asks.
  const again = await second.serve(['--content'])
  for (const [hash, bytes] of scene.contents) {
    const answer = await fetch(`${again.url}/content/contents/${hash}`)
    expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true)
  }
})

/** Something is behind the end of each of them. */
/** Nobody listened there just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function damageFiles(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const file of names) {
    if (isContentHash(file.name)) await appendFile(join(file.parentPath, file.name), 'x')
  }
}

test('a server that is no content node is not waited for', async () => {
  const node = await house.node()
  await node.serve()
  const { status, stderr } = await node.run(['node', 'snapshot'])
  expect(status).toBe(1)
  expect(stderr).toContain('start it with --content')
})
