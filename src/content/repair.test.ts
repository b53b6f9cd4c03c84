import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { made } from '../../test/content/deployments.ts'
import { examinerParts } from '../../test/content/examiner-parts.ts'
import { makeIdentity, signedEntity } from '../../test/content/signer.ts'
import { MemoryPeer } from '../../test/network/memory-peer.ts'
import { systemClock } from '../base/clock.ts'
import { ContentFiles } from '../store/blobs/content-files.ts'
import { TieredBlobs } from '../store/blobs/tiered-blobs.ts'
import { SqlContentStore } from '../store/sql/content/content-store.ts'
import { SmallBlobs } from '../store/sql/content/small-blobs.ts'
import { SqlNodeFacts } from '../store/sql/content/sql-node-facts.ts'
import { migrations } from '../store/sql/migrations/migrations.ts'
import { Database } from '../store/sqlite/database.ts'
import { SqliteSql } from '../store/sqlite/sqlite-sql.ts'
import { Inspection, type Damage } from './inspection.ts'
import { Fetcher } from './peers/fetcher.ts'
import { PeerClient } from './peers/peer-client.ts'
import { Peers } from './peers/peers.ts'
import { Repair, type RepairParts } from './repair.ts'

const { signal } = new AbortController()
/** More than a row of content may have. */
const big = signedEntity({
  identity: makeIdentity(1),
  timestamp: 1_000,
  type: 'scene',
  pointers: ['0,0'],
  metadata: { text: 'x'.repeat(100_000) },
})

let root: string
let database: Database
let db: SqliteSql
let blobs: TieredBlobs
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'repair-'))
  database = new Database(join(root, 'node.db'))
  for (const { sqlite } of migrations) database.exec(sqlite)
  db = new SqliteSql(database, systemClock)
  const files = new ContentFiles({ root: join(root, 'content') })
  blobs = new TieredBlobs({ small: new SmallBlobs({ sql: db }), files })
  const { entityId, file, authChain } = big
  const deployment = made('big', { entityId, type: 'scene', pointers: ['0,0'] })
  const deployments = [{ ...deployment, file, authChain: JSON.stringify(authChain) }]
  const store = new SqlContentStore({ db })
  await store.deploy({ deployments, blobs: [], failures: [], parts: [] })
})
afterEach(async () => {
  database.close()
  await rm(root, { recursive: true })
})

async function damages(): Promise<readonly Damage[]> {
  const found: Damage[] = []
  const facts = new SqlNodeFacts({ db })
  const { verifier } = examinerParts
  const inspection = new Inspection({ facts, blobs, verifier, wallets: null }, async (damage) => {
    found.push(damage)
  })
  await inspection.run(signal, () => undefined)
  return found
}

function repair(facts: RepairParts['facts'] = new SqlNodeFacts({ db })): Repair {
  const peers = new Peers()
  const peer = new MemoryPeer().on(`/contents/${big.entityId}`, { body: big.file })
  peers.add(1, new PeerClient(peer))
  const fetcher = new Fetcher({ peers, blobs, clock: systemClock, concurrency: 2 })
  return new Repair({ store: new SqlContentStore({ db }), blobs, facts, fetcher })
}

const damage = (state: Damage['state']): Damage => ({
  what: 'file',
  hash: big.entityId,
  state,
  reason: '',
})

test('a big entity file is put in the place of the damaged one, and nothing is left beside it', async () => {
  await db.run("update entity_file set bytes = x'00'")
  const [found] = await damages()
  expect(found).toEqual(damage('damaged'))
  expect(await repair().mend(found!, signal)).toEqual({ isWell: true, text: 'fetched anew' })
  expect(await damages()).toEqual([])
  const entries = await readdir(join(root, 'content'), { recursive: true, withFileTypes: true })
  expect(entries.filter((entry) => entry.isFile())).toEqual([])
})

test('a process that ends before the new file is written leaves the old one', async () => {
  await db.run("update entity_file set bytes = x'00'")
  const real = new SqlNodeFacts({ db })
  const facts: RepairParts['facts'] = {
    putEntityFile: async (id, file) => {
      if (file.length === big.file.length) throw new Error('the process is gone')
      await real.putEntityFile(id, file)
    },
  }
  await expect(repair(facts).mend(damage('damaged'), signal)).rejects.toThrow()
  expect(await damages()).toEqual([damage('damaged')])
})

test('an entity without a row of its file is told as that, though its bytes lie in another place; and mended', async () => {
  const received = await blobs.receive(
    (async function* () {
      yield big.file
    })(),
    { maxBytes: 1_000_000, signal },
  )
  await received.keep()
  await db.run('delete from entity_file')
  const [found] = await damages()
  expect(found).toEqual(damage('missing'))
  expect(await repair().mend(found!, signal)).toEqual({ isWell: true, text: 'fetched anew' })
  expect(await damages()).toEqual([])
})
