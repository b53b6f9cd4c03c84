import { alive } from './living.ts'
import type { LifeParts } from './life.ts'
import type { Clock } from '../../src/base/clock.ts'
import { type Random } from '../../src/base/random.ts'
import { parseEndpoint } from '../../src/base/remote/endpoint.ts'
import type { ContentStore } from '../../src/content/content-store.ts'
import { entityTypes } from '../../src/content/entity.ts'
import type { Examiner } from '../../src/content/examiner.ts'
import { Fetcher } from '../../src/content/peers/fetcher.ts'
import { Intake } from '../../src/content/peers/intake.ts'
import { PeerClient } from '../../src/content/peers/peer-client.ts'
import { PeerSource, type PeerSourceParts } from '../../src/content/peers/peer-source.ts'
import { Peers } from '../../src/content/peers/peers.ts'
import { RetrySource } from '../../src/content/peers/retry-source.ts'
import { SnapshotIntake } from '../../src/content/peers/snapshot-intake.ts'
import type { EffectWriter } from '../../src/engine/handler.ts'
import type { Registry } from '../../src/engine/registry.ts'
import type { Source } from '../../src/engine/source.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { Transaction } from '../../src/store/sql/sql.ts'
import type { FaultyDatabase } from '../sim/faulty-database.ts'
import type { LifeClock } from '../sim/virtual-clock.ts'
import { Link } from './link.ts'
import type { MemoryBlobs } from './memory-blobs.ts'

/** Parts of a node that a planted fault may stand before. */
export interface Spoiling {
  readonly tasks?: (store: TaskStore) => TaskStore
  readonly effects?: (effects: EffectWriter<Transaction>) => EffectWriter<Transaction>
  readonly intake?: (intake: Pick<Intake, 'take'>) => Pick<Intake, 'take'>
  readonly snapshots?: (snapshots: SnapshotWays) => SnapshotWays
  readonly content?: (store: ContentStore, db: FaultyDatabase) => ContentStore
}

type SnapshotWays = PeerSourceParts['snapshots']

export interface SourcesParts extends Pick<LifeParts, 'name' | 'others' | 'weather' | 'spoiling'> {
  readonly clock: Clock
  readonly random: Random
  readonly content: ContentStore
  readonly blobs: MemoryBlobs
  readonly examiner: Examiner
  readonly registry: Registry
  readonly life: LifeClock
}

export function sourcesOf(parts: SourcesParts): (id: number) => Promise<Source> {
  const { clock, random, content: store, blobs, examiner, registry } = parts
  const { spoiling = {}, others, weather } = parts
  const peers = new Peers()
  const fetcher = new Fetcher({ peers, blobs, clock, concurrency: 8 })
  const types = new Set(entityTypes)
  const whole = new Intake({ store, blobs, fetcher, examiner, clock, types })
  const intake = spoiling.intake?.(whole) ?? whole
  const every = new SnapshotIntake({ store, blobs, fetcher, intake, scope: '' })
  const snapshots = spoiling.snapshots?.(every) ?? every
  const open = new Map<number, Source>()
  return async (id) => {
    const known = open.get(id)
    if (known !== undefined) return known
    const entry = await registry.source(id)
    if (entry === null) throw new Error(`assertion failed: ${id} is there`)
    const { name, kind, address } = entry
    if (kind !== 'peer') {
      const source = new RetrySource({ store, intake, types })
      open.set(id, source)
      return source
    }
    const link = new Link({
      endpoint: parseEndpoint(address),
      weather: weather(parts.name, name),
      clock,
      random,
      ask: (request) =>
        alive(others.get(name)?.answer(request) ?? Promise.resolve(null), parts.life),
    })
    const client = new PeerClient(link)
    peers.add(id, client)
    const onClose = (): void => undefined
    const source = new PeerSource({ sourceId: id, client, intake, snapshots, clock, onClose })
    open.set(id, source)
    return source
  }
}
