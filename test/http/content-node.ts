import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { systemClock, type Clock } from '../../src/base/clock.ts'
import { SyncError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import type { ContentBlobs, Received } from '../../src/content/blobs.ts'
import type { ContentStore } from '../../src/content/content-store.ts'
import { Refused, type NodeStatus, type Upload } from '../../src/content/deploying.ts'
import { canonicalChain, deployerOf } from '../../src/content/auth-chain.ts'
import type { AuthChain, Deployment } from '../../src/content/entity.ts'
import { News } from '../../src/content/news.ts'
import { readEntity } from '../../src/content/rules/entity-file.ts'
import { Snapshots } from '../../src/content/snapshots/snapshots.ts'
import type { About, ContentParts } from '../../src/http/content/content-parts.ts'
import type { UploadLimits } from '../../src/http/content/upload.ts'
import { createServer, type HttpServer } from '../../src/http/server.ts'
import { ContentFiles } from '../../src/store/blobs/content-files.ts'
import { TieredBlobs } from '../../src/store/blobs/tiered-blobs.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { SmallBlobs } from '../../src/store/sql/content/small-blobs.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { sqliteSchema } from '../../src/store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import type { SignedEntity } from '../content/signer.ts'
import { checkTold } from './content-spec.ts'
import { House, type Answer, type AskOptions } from './house.ts'

export interface NodeOptions {
  readonly limits?: UploadLimits
  readonly prefix?: string
  readonly token?: string
  readonly isReadOnly?: boolean
  readonly types?: About['types']
}

export interface ContentAnswer extends Omit<Answer, 'json'> {
  /** Whatever JSON it is; undefined where it is none. */
  readonly json: unknown
}

/** A node with its store, its files and its HTTP face, and nobody behind `POST /entities` but a list. */
export class ContentNode {
  store!: ContentStore
  blobs!: ContentBlobs
  files!: ContentFiles
  snapshots!: Snapshots
  url!: URL
  readonly news = new News()
  readonly root: string
  readonly uploads: Upload[] = []
  status: NodeStatus = { state: 'Syncing', lastSyncWithDaoMs: 7 }
  /** What the next deployments are refused with. */
  refusal: readonly string[] | null = null
  /** Nothing that belongs into a file finds room. */
  isFull = false
  /** Thrown by what is asked for next. */
  failure: Error | null = null
  /** Local times are of this moment, or as little later as they have to be. */
  nowMs = 1_795_288_697_295
  /** Files are received only once the form they belong to has failed. */
  isHeld = false
  /** Files of one form that were received at the same time. */
  mostAtOnce = 0
  /** Who listens for news just now. */
  listening = 0
  /** Files that were received and neither kept nor dropped yet. */
  readonly open = new Set<Received>()
  readonly prefix: string
  #server!: HttpServer
  #receiving = 0
  #close: () => void = () => undefined

  private constructor(root: string, prefix: string) {
    this.root = root
    this.prefix = prefix
  }

  static async open(options: NodeOptions = {}): Promise<ContentNode> {
    const root = await mkdtemp(join(tmpdir(), 'content-node-'))
    const node = new ContentNode(root, options.prefix ?? '/content')
    const clock: Clock = { ...systemClock, now: () => node.nowMs }
    const database = new Database(join(root, 'node.db'))
    node.#close = () => database.close()
    await migrate(sqliteSchema(database), migrations)
    const sql = new SqliteSql(database, clock)
    node.store = new SqlContentStore({ db: sql })
    node.files = new ContentFiles({ root: join(root, 'content') })
    node.blobs = new TieredBlobs({ small: new SmallBlobs({ sql }), files: node.files })
    node.snapshots = new Snapshots({
      store: node.store,
      blobs: node.blobs,
      clock,
      log: silentLog,
      everyMs: 3_600_000,
      hasLegacy: true,
    })
    const house = new House()
    const content = node.parts(clock, options)
    const { token } = options
    const parts = house.parts(token === undefined ? {} : { token })
    node.#server = await createServer({ ...parts, content })
    node.url = await node.#server.listen(0)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close()
    this.#close()
    await rm(this.root, { recursive: true })
  }

  /** What was signed becomes part of this node's history, with its content; gives its local time. */
  async deploy(...signed: readonly SignedEntity[]): Promise<number> {
    const deployed = await this.store.deploy({
      deployments: signed.map(deploymentOf),
      blobs: signed.flatMap(({ contents }) =>
        [...contents].map(([hash, bytes]) => ({ hash, bytes })),
      ),
      failures: [],
      parts: [],
    })
    return deployed[0]?.localMs ?? 0
  }

  /** Content that nobody has deployed, in a file if it is big. */
  async putFile(bytes: Uint8Array): Promise<string> {
    const limits = { maxBytes: bytes.length, isPacked: true, signal: never }
    const received = await this.blobs.receive(Readable.from([bytes]), limits)
    await received.keep()
    return received.hash
  }

  /** Each answer has to be as the network describes it. */
  async ask(path: string, options: AskOptions = {}): Promise<ContentAnswer> {
    const { method = 'GET', headers = {}, body } = options
    const answer = await request(`${this.url.origin}${this.prefix}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    return this.answerOf(path, method, answer)
  }

  async post(form: FormData): Promise<ContentAnswer> {
    const answer = await fetch(`${this.url.origin}${this.prefix}/entities`, {
      method: 'POST',
      body: form,
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const headers = Object.fromEntries(answer.headers)
    return this.#told('/entities', 'POST', { statusCode: answer.status, headers, bytes })
  }

  async answerOf(
    path: string,
    method: string,
    answer: Awaited<ReturnType<typeof request>>,
  ): Promise<ContentAnswer> {
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    return this.#told(path, method, { ...answer, bytes })
  }

  #told(
    path: string,
    method: string,
    answer: Pick<Answer, 'headers' | 'bytes'> & { readonly statusCode: number },
  ): ContentAnswer {
    const { statusCode: status, headers, bytes } = answer
    const text = bytes.toString()
    const isJson = headers['content-type'] === 'application/json' && text !== ''
    const json: unknown = isJson ? JSON.parse(text) : undefined
    const [pure = ''] = path.split('?')
    checkTold({ method, path: pure, status, body: isJson ? json : text })
    return { status, headers, bytes, text, json }
  }

  /** What stands behind the face; with another clock, of another one. */
  parts(clock: Clock, options: NodeOptions = {}): ContentParts {
    const { prefix, limits, isReadOnly = false, types = null } = options
    const { store, snapshots, news } = this
    return {
      store: new Proxy(store, {
        get: (target, name) => {
          if (this.failure !== null) throw this.failure
          const found: unknown = Reflect.get(target, name)
          return typeof found === 'function' ? found.bind(target) : found
        },
      }),
      blobs: {
        sizes: (hashes) => this.blobs.sizes(hashes),
        open: (hash, range) => this.blobs.open(hash, range),
        openGzip: (hash) => this.blobs.openGzip(hash),
        receive: async (source, receiving) => {
          this.#receiving++
          this.mostAtOnce = Math.max(this.mostAtOnce, this.#receiving)
          const { signal } = receiving
          if (this.isHeld && !signal.aborted) await once(signal, 'abort')
          const received = await this.#received(source, receiving)
          if (!this.isFull || received.bytes !== null) return received
          await received.drop()
          throw new SyncError('disk-full', '/a/path: ENOSPC')
        },
      },
      deploying: isReadOnly ? null : { deploy: (upload) => this.#taken(upload) },
      snapshots,
      status: () => this.status,
      onNews: (callback) => {
        const leave = news.onNews(callback)
        this.listening++
        return () => {
          this.listening--
          leave()
        }
      },
      about: {
        version: '1.2.3',
        commitHash: 'abc',
        ethNetwork: 'mainnet',
        challengeText: 'a challenge',
        types,
      },
      log: silentLog,
      clock,
      ...(prefix !== undefined && { prefix }),
      ...(limits !== undefined && { limits }),
    }
  }

  async #received(...args: Parameters<ContentBlobs['receive']>): Promise<Received> {
    try {
      return this.#watched(await this.blobs.receive(...args))
    } finally {
      this.#receiving--
    }
  }

  #watched(received: Received): Received {
    const watched: Received = {
      ...received,
      keep: async () => {
        this.open.delete(watched)
        await received.keep()
      },
      drop: async () => {
        this.open.delete(watched)
        await received.drop()
      },
    }
    this.open.add(watched)
    return watched
  }

  /** As a deployer does it that finds everything good. */
  async #taken(upload: Upload): Promise<number> {
    this.uploads.push(upload)
    const { entityId, authChain, files } = upload
    const file = files.find(({ hash }) => hash === entityId)?.bytes
    const refusal = this.refusal ?? (file == null ? ['Failed to find the entity file.'] : null)
    if (refusal !== null) {
      await Promise.all(files.map((each) => each.drop()))
      throw new Refused(refusal)
    }
    await Promise.all(files.map((each) => each.keep()))
    const contents = new Map(
      files.flatMap(({ hash, bytes }) => (bytes === null ? [] : [[hash, bytes] as const])),
    )
    return this.deploy({ entityId, file: file!, authChain, contents })
  }
}

const never = new AbortController().signal

/** As somebody stores it who has looked at it. The signer writes metadata last. */
export function deploymentOf({ entityId, file, authChain }: SignedEntity): Deployment {
  const reading = readEntity(entityId, file)
  if (!('entity' in reading)) throw new Error(reading.errors.join())
  const { type, pointers, timestamp, version, content } = reading.entity
  const name = '"metadata":'
  const start = Buffer.from(file).indexOf(name) + name.length
  return {
    entityId,
    type,
    pointers,
    timestamp,
    version,
    content,
    file,
    deployer: deployerOf(authChain),
    authChain: canonicalChain(authChain),
    metadata: start < name.length ? null : { start, end: file.length - 1 },
    isComplete: true,
  }
}

export interface FormParts {
  readonly entityId?: string
  readonly authChain?: AuthChain
  readonly files?: Iterable<readonly [string, Uint8Array]>
  readonly fields?: Readonly<Record<string, string>>
}

/** A form as `dcl-catalyst-client` sends it. */
export function formOf({ entityId, authChain = [], files = [], fields = {} }: FormParts): FormData {
  const form = new FormData()
  if (entityId !== undefined) form.append('entityId', entityId)
  for (const [index, { type, payload, signature }] of authChain.entries()) {
    form.append(`authChain[${index}][type]`, type)
    form.append(`authChain[${index}][payload]`, payload)
    form.append(`authChain[${index}][signature]`, signature ?? '')
  }
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (const [hash, bytes] of files) form.append(hash, new Blob([Buffer.from(bytes)]), hash)
  return form
}

export function formOfSigned({ entityId, file, authChain, contents }: SignedEntity): FormData {
  return formOf({ entityId, authChain, files: [[entityId, file], ...contents] })
}
