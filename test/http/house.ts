import { request } from 'undici'
import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import { SyncError } from '../../src/base/errors.ts'
import type { Fields, Log } from '../../src/base/log.ts'
import type { FailedTask, Operations, WorkStatus } from '../../src/engine/operations.ts'
import type { Owner, SourceStatus, Trouble, WorkCounts } from '../../src/engine/registry.ts'
import type { Stall } from '../../src/engine/task-store.ts'
import type { CoverBody } from '../../src/http/covers.ts'
import type { Check } from '../../src/http/health.ts'
import { createServer, type HttpParts, type HttpServer } from '../../src/http/server.ts'
import type { SearchResult, Track, TrackQuery } from '../../src/library/catalogue.ts'

export const noCounts: WorkCounts = { waiting: 0, running: 0, done: 0, failed: 0, skipped: 0 }

export interface HouseOptions {
  readonly host?: string
  readonly token?: string | null
  readonly names?: readonly string[]
  readonly clock?: Clock
}

/** Everything that stands behind the face, kept in plain arrays, and a server in front of it. */
export class House {
  readonly owners: Owner[] = []
  readonly sources: SourceStatus[] = []
  readonly tracks: Track[] = []
  readonly covers = new Map<number, CoverBody & { ownerId: number }>()
  readonly troubles: Trouble[] = []
  readonly asked: { sourceId: number; isFull: boolean }[] = []
  readonly confirmed: number[] = []
  readonly failed: (FailedTask & { ownerId: number })[] = []
  /** What was done, and to what. */
  readonly deeds: (readonly [deed: string, of: number])[] = []
  work: WorkStatus = { processes: [], pools: [], slots: [], lanes: [], unwell: [], parked: [] }
  /** Whose work was asked for. */
  workOf: number | null = null
  readonly queries: TrackQuery[] = []
  readonly lines: { level: keyof Log; fields: Fields; message: string }[] = []
  readonly listeners = new Set<() => void>()
  stalls: Stall[] = []
  checks: () => Promise<readonly Check[]> = async () => []
  /** How often the status of an owner was looked up. */
  looks = 0
  /** Thrown by whatever asks for owners. */
  failure: Error | null = null
  /** Called by `covers.read`, before it answers. */
  onCover: (signal: AbortSignal) => Promise<void> = async () => undefined
  server!: HttpServer
  url!: URL

  static async open(options: HouseOptions = {}): Promise<House> {
    const house = new House()
    house.server = await createServer(house.parts(options))
    house.url = await house.server.listen(0)
    return house
  }

  parts({ host, token, names, clock }: HouseOptions): HttpParts {
    const write = (level: keyof Log) => (fields: Fields, message: string) => {
      this.lines.push({ level, fields, message })
    }
    return {
      registry: this.#registry(),
      operations: this.#operations(),
      catalogue: {
        tracks: async (query) => {
          this.queries.push(query)
          if (query.after === 'forged') throw new SyncError('bad-input', 'No page ended there.')
          const all = this.tracks.filter((track) => track.ownerId === query.ownerId)
          const start = query.after === undefined ? 0 : Number(query.after)
          const tracks = all.slice(start, start + query.limit)
          const end = start + tracks.length
          return end < all.length ? { tracks, next: String(end) } : { tracks }
        },
        search: async (ownerId, text, limit) => this.#found(ownerId, text, limit),
      },
      tasks: { stalls: async () => this.stalls },
      covers: {
        read: async (id, ownerId, signal) => {
          await this.onCover(signal)
          const cover = this.covers.get(id)
          if (cover === undefined || (ownerId !== null && cover.ownerId !== ownerId)) return null
          return cover
        },
      },
      progress: {
        subscribe: (listener) => {
          this.listeners.add(listener)
          return () => this.listeners.delete(listener)
        },
      },
      metrics: {
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        text: async () => 'sync_tasks_started_total 1\n',
      },
      checks: () => this.checks(),
      log: {
        debug: write('debug'),
        info: write('info'),
        warn: write('warn'),
        error: write('error'),
      },
      clock: clock ?? systemClock,
      access: { host: host ?? '127.0.0.1', token: token ?? null, names: names ?? [] },
      version: '1.2.3',
    }
  }

  addOwner(name: string, plan: Owner['plan'] = 'free'): Owner {
    const owner = { id: this.owners.length + 1, name, plan }
    this.owners.push(owner)
    this.owners.sort((one, other) => (one.name < other.name ? -1 : 1))
    return owner
  }

  addSource(owner: Owner, name: string, status: Partial<SourceStatus> = {}): SourceStatus {
    const source: SourceStatus = {
      id: this.sources.length + 1,
      ownerId: owner.id,
      name,
      kind: 'webdav',
      address: `https://drive.example/${name}`,
      settings: {},
      intervalMs: 900_000,
      state: 'waiting',
      lastError: null,
      nextMs: null,
      lastRound: null,
      withheld: 0,
      counts: noCounts,
      ...status,
    }
    this.sources.push(source)
    return source
  }

  /** Changes a source and says so. */
  change(id: number, status: Partial<SourceStatus>): void {
    const index = this.sources.findIndex((source) => source.id === id)
    this.sources[index] = { ...this.sources[index]!, ...status }
    this.tell()
  }

  tell(): void {
    for (const listener of this.listeners) listener()
  }

  /** A request with any header; `fetch` does not let a test choose the Host. */
  async ask(path: string, options: AskOptions = {}): Promise<Answer> {
    const { method = 'GET', headers = {}, body } = options
    const answer = await request(`${this.url.origin}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    const text = bytes.toString()
    const isJson = method !== 'HEAD' && /json/.test(String(answer.headers['content-type']))
    return {
      status: answer.statusCode,
      headers: answer.headers,
      bytes,
      text,
      json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
  }

  #registry(): HttpParts['registry'] {
    const guarded = <T>(answer: T): T => {
      if (this.failure !== null) throw this.failure
      return answer
    }
    const source = (id: number) => this.sources.find((each) => each.id === id) ?? null
    return {
      owner: async (name) => guarded(this.owners.find((owner) => owner.name === name) ?? null),
      owners: async (limit, after = '') =>
        guarded(this.owners.filter(({ name }) => name > after).slice(0, limit)),
      ownerStatus: async (id) => {
        this.looks++
        const owner = this.owners.find((each) => each.id === id)
        return owner === undefined ? null : { ...owner, counts: noCounts }
      },
      sources: async (ownerId) => this.sources.filter((each) => each.ownerId === ownerId),
      sourceStatus: async (id) => source(id),
      troubles: async (sourceId, limit) =>
        this.troubles.filter((trouble) => trouble.sourceId === sourceId).slice(0, limit),
      setPaused: async (sourceId, isPaused) =>
        void this.deeds.push([isPaused ? 'pause' : 'resume', sourceId]),
      ask: async (sourceId, isFull) => void this.asked.push({ sourceId, isFull }),
      confirmDeletions: async (sourceId) => {
        this.confirmed.push(sourceId)
        return source(sourceId)?.withheld ?? 0
      },
    }
  }

  #operations(): Operations {
    const nothing = async (): Promise<never> => {
      throw new Error('nobody asks for this over HTTP')
    }
    const deed = (name: string) => async (id: number, ownerId: number | null) => {
      const task = this.failed.find((each) => each.id === id && each.ownerId === ownerId)
      if (task !== undefined) this.deeds.push([name, id])
      return task !== undefined
    }
    return {
      work: async (ownerId) => {
        this.workOf = ownerId
        return this.work
      },
      failed: async ({ ownerId, isAll, limit, after }) =>
        this.failed
          .filter((task) => task.ownerId === ownerId && task.id > after)
          .filter(({ nextMs }) => isAll || nextMs === null)
          .slice(0, limit),
      figures: nothing,
      retry: deed('retry'),
      drop: deed('drop'),
      retryAll: async (sourceId) => {
        this.deeds.push(['retry all', sourceId])
        return 2
      },
      dropAll: nothing,
      restart: async (sourceId) => void this.deeds.push(['restart', sourceId]),
      sourcesWithParked: async () => [...new Set(this.failed.map(({ sourceId }) => sourceId))],
      processes: nothing,
      pauseProcess: nothing,
    }
  }

  #found(ownerId: number, text: string, limit: number): SearchResult {
    const tracks = this.tracks.filter(
      (track) => track.ownerId === ownerId && track.title.includes(text),
    )
    return { artists: [], albums: [], tracks: tracks.slice(0, limit) }
  }
}

export interface AskOptions {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'OPTIONS'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
  readonly text: string
  readonly json: Record<string, unknown>
}

export function track(id: number, ownerId: number, rest: Partial<Track> = {}): Track {
  return {
    id,
    ownerId,
    sourceId: 1,
    path: `Some Album/${id}.flac`,
    title: `Song ${id}`,
    artist: 'Somebody',
    artistId: 1,
    albumArtist: 'Somebody',
    album: 'Some Album',
    albumId: 1,
    isCompilation: false,
    track: id,
    disc: null,
    year: 1999,
    genres: ['Folk'],
    durationMs: 180_000,
    isDurationEstimated: false,
    codec: 'flac',
    isLossless: true,
    bitrate: null,
    sampleRate: 44_100,
    channels: 2,
    size: 1_000_000,
    replayGain: null,
    musicBrainz: null,
    coverId: null,
    ...rest,
  }
}

/** Lets time pass until the condition holds; real sockets need real turns of the event loop. */
export async function until(isSo: () => boolean, step: () => Promise<unknown>): Promise<void> {
  const endMs = performance.now() + 20_000
  while (performance.now() < endMs) {
    if (isSo()) return
    await step()
  }
  throw new Error('it never came to be')
}
