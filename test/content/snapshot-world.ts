import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Buffer } from 'node:buffer'
import type { Clock } from '../../src/base/clock.ts'
import { silentLog, type Log } from '../../src/base/log.ts'
import type { ContentBlobs } from '../../src/content/blobs.ts'
import type { ContentStore, Snapshot } from '../../src/content/content-store.ts'
import type { Deployment, EntityType } from '../../src/content/entity.ts'
import { hashV1 } from '../../src/content/hashing.ts'
import { runSnapshots, type SnapshotRunParts } from '../../src/content/snapshots/snapshot-run.ts'
import { ContentFiles } from '../../src/store/blobs/content-files.ts'
import { TieredBlobs, type TieredBlobsParts } from '../../src/store/blobs/tiered-blobs.ts'
import { contentRows } from '../../src/store/memory/content-rows.ts'
import { MemoryContentStore } from '../../src/store/memory/memory-content-store.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { SmallBlobs } from '../../src/store/sql/content/small-blobs.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { sqliteSchema } from '../../src/store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'

export interface Placed {
  readonly timestamp: number
  readonly pointers?: readonly string[]
  readonly type?: EntityType
}

/** What keeps a world: rows in a file, or the model of them. */
export const worldKinds = ['SQLite', 'the model'] as const

export type WorldKind = (typeof worldKinds)[number]

interface Kept extends Pick<TieredBlobsParts, 'small'> {
  readonly store: ContentStore
  close(): void
}

async function kept(kind: WorldKind, root: string, clock: Clock): Promise<Kept> {
  if (kind === 'the model') {
    const store = new MemoryContentStore({ rows: contentRows(), clock })
    const none = async (): Promise<ReadonlyMap<string, number>> => new Map()
    const small = { sizes: none, hold: none, read: async () => null, remove: async () => {} }
    return { store, small, close: () => undefined }
  }
  const db = new Database(join(root, 'node.db'))
  await migrate(sqliteSchema(db), migrations)
  const sql = new SqliteSql(db, clock)
  const store = new SqlContentStore({ db: sql })
  return { store, small: new SmallBlobs({ sql }), close: () => db.close() }
}

/** A node's store and blobs on a disk of their own, with a clock that is moved by hand. */
export class SnapshotWorld {
  readonly clock: VirtualClock
  readonly store: ContentStore
  readonly blobs: ContentBlobs
  readonly files: ContentFiles
  readonly #root: string
  readonly #kept: Kept
  #made = 0

  private constructor(root: string, clock: VirtualClock, kept: Kept) {
    this.#root = root
    this.#kept = kept
    this.clock = clock
    this.store = kept.store
    this.files = new ContentFiles({ root: join(root, 'content') })
    this.blobs = new TieredBlobs({ small: kept.small, files: this.files })
  }

  static async open(nowMs: number, kind: WorldKind = 'SQLite'): Promise<SnapshotWorld> {
    const root = await mkdtemp(join(tmpdir(), 'snapshots-'))
    const clock = new VirtualClock(nowMs)
    return new SnapshotWorld(root, clock, await kept(kind, root, clock))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kept.close()
    await rm(this.#root, { recursive: true })
  }

  parts(log: Log = silentLog): SnapshotRunParts {
    const { store, blobs, clock } = this
    return { store, blobs, clock, log }
  }

  /** A moment later than all before, as a node sees it. */
  async deploy(...deployments: readonly Deployment[]): Promise<void> {
    this.clock.setWall(1)
    await this.store.deploy({ deployments, blobs: [], failures: [], parts: [] })
  }

  /** Deploys one that nobody has signed; gives its id. */
  async place(placed: Placed): Promise<string> {
    const deployment = unsigned({ n: this.#made++, ...placed })
    await this.deploy(deployment)
    return deployment.entityId
  }

  /** The same as if it were the one of that number. */
  async placeAs(n: number, placed: Placed): Promise<void> {
    await this.deploy(unsigned({ n, ...placed }))
  }

  /** At most `maxDeployments`. */
  async placeMany(count: number, placed: () => Placed): Promise<void> {
    const made = Array.from({ length: count }, () => unsigned({ n: this.#made++, ...placed() }))
    await this.deploy(...made)
  }

  /** A scene of which a file has this hash. */
  async deployWithContent(timestamp: number, hash: string): Promise<void> {
    const deployment = unsigned({ n: this.#made++, timestamp, type: 'scene' })
    await this.deploy({ ...deployment, content: [{ file: 'a', hash }] })
  }

  run(signal: AbortSignal = new AbortController().signal): Promise<readonly Snapshot[]> {
    return runSnapshots(this.parts(), signal)
  }

  /** The text of a snapshot; both of its forms have to be there and be the same. */
  async textOf(hash: string): Promise<string> {
    const [plain, gzip] = await Promise.all([
      this.blobs.open(hash, null),
      this.blobs.openGzip(hash),
    ])
    if (plain === null || gzip === null) throw new Error(`${hash} is not there`)
    const bytes = await bytesOf(plain.body)
    if (!gunzipSync(await bytesOf(gzip.body)).equals(bytes)) throw new Error('the gzip differs')
    if (hashV1(bytes) !== hash) throw new Error('the hash differs')
    return bytes.toString()
  }

  async idsIn(hash: string): Promise<readonly string[]> {
    const lines = (await this.textOf(hash)).split('\n').slice(1, -1)
    return lines.map((line) => (JSON.parse(line) as { entityId: string }).entityId)
  }

  async isThere(hash: string): Promise<boolean> {
    return (await this.files.sizes([hash])).has(hash)
  }
}

async function bytesOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Of a number that nobody else has. */
export function unsigned({
  n,
  timestamp,
  pointers = [`pointer ${n}`],
  type = 'profile',
}: Placed & { readonly n: number }): Deployment {
  const entity = { version: 'v3', type, pointers, timestamp, content: [], metadata: { n } }
  const file = Buffer.from(JSON.stringify(entity))
  const entityId = hashV1(file)
  return {
    entityId,
    type,
    pointers,
    timestamp,
    version: 'v3',
    content: [],
    file,
    deployer: '0x0000000000000000000000000000000000000001',
    authChain: `[{"payload":"0x0000000000000000000000000000000000000001","signature":"","type":"SIGNER"},{"payload":"${entityId}","signature":"0x","type":"ECDSA_SIGNED_ENTITY"}]`,
    metadata: null,
    isComplete: true,
  }
}
