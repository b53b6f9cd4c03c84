import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import { health } from '../../engine/breaker.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import type { Plan } from '../../engine/policy.ts'
import type {
  NewPeer,
  NewSource,
  Owner,
  OwnerStatus,
  Registry,
  SourceEntry,
  SourceStatus,
  Trouble,
  WorkCounts,
} from '../../engine/registry.ts'
import { dropTaskOf, nextId, tasksOf, type OwnerRow, type Rows, type SourceRow } from './rows.ts'

export interface MemoryRegistryParts {
  readonly rows: Rows
  readonly clock: Clock
  readonly effects: EffectWriter
}

/** Owners and sources of the model. */
export class MemoryRegistry implements Registry {
  readonly #parts: MemoryRegistryParts

  constructor(parts: MemoryRegistryParts) {
    this.#parts = parts
  }

  async addOwner(name: string, plan: Plan): Promise<Owner> {
    const { rows } = this.#parts
    if ((await this.owner(name)) !== null) {
      throw new SyncError('bad-input', `There is a user named ${name} already.`)
    }
    const owner: OwnerRow = { id: nextId(rows), name, isPeer: false, plan }
    rows.owners.set(owner.id, owner)
    return { id: owner.id, name, plan }
  }

  async setPlan(ownerId: number, plan: Plan): Promise<void> {
    const owner = this.#parts.rows.owners.get(ownerId)
    if (owner !== undefined) owner.plan = plan
  }

  async owner(name: string): Promise<Owner | null> {
    const found = this.#users.find((owner) => owner.name === name)
    return found === undefined ? null : told(found)
  }

  async owners(limit: number, after = ''): Promise<readonly Owner[]> {
    return this.#users
      .filter(({ name }) => name > after)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, limit)
      .map(told)
  }

  get #users(): OwnerRow[] {
    return [...this.#parts.rows.owners.values()].filter(({ isPeer }) => !isPeer)
  }

  async putPeer(peer: NewPeer): Promise<SourceEntry> {
    const { rows, clock } = this.#parts
    const known = (await this.peers()).find(({ name }) => name === peer.name)
    const source = rows.sources.get(known?.id ?? 0)
    if (source !== undefined) {
      source.entry = { ...source.entry, ...peer }
      return source.entry
    }
    const removed = [...rows.owners.values()].find((row) => row.isPeer && row.name === peer.name)
    const owner = removed ?? { id: nextId(rows), name: peer.name, isPeer: true, plan: 'free' }
    rows.owners.set(owner.id, owner)
    const entry = { ...peer, id: nextId(rows), ownerId: owner.id }
    rows.sources.set(entry.id, newSource(entry, { password: null, listPool: 'peer' }, clock.now()))
    return entry
  }

  async peers(): Promise<readonly SourceEntry[]> {
    return [...this.#parts.rows.sources.values()]
      .filter(({ listPool }) => listPool === 'peer')
      .map(({ entry }) => entry)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async hasten(sourceId: number): Promise<void> {
    const { rows, clock } = this.#parts
    const source = rows.sources.get(sourceId)
    if (source === undefined) return
    if (source.round === null) source.dueMs = Math.min(source.dueMs, clock.now())
    else if (source.asked === 'no') source.asked = 'round'
  }

  async addSource({ password, ...source }: NewSource): Promise<SourceEntry> {
    const { rows, clock } = this.#parts
    const taken = await this.sources(source.ownerId)
    if (taken.some(({ name }) => name === source.name)) {
      throw new SyncError('bad-input', `There is a source named ${source.name} already.`)
    }
    const entry = { ...source, id: nextId(rows) }
    rows.sources.set(entry.id, newSource(entry, { password, listPool: 'list' }, clock.now()))
    return entry
  }

  async source(id: number): Promise<SourceEntry | null> {
    return this.#parts.rows.sources.get(id)?.entry ?? null
  }

  async ownerOf(sourceId: number): Promise<Owner | null> {
    const { rows } = this.#parts
    const ownerId = rows.sources.get(sourceId)?.entry.ownerId
    return ownerId === undefined ? null : (rows.owners.get(ownerId) ?? null)
  }

  async sources(ownerId: number): Promise<readonly SourceEntry[]> {
    return this.#of(ownerId)
      .map(({ entry }) => entry)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  async password(sourceId: number): Promise<string | null> {
    return this.#parts.rows.sources.get(sourceId)?.password ?? null
  }

  async setPassword(sourceId: number, password: string): Promise<void> {
    const source = this.#parts.rows.sources.get(sourceId)
    if (source === undefined) throw new SyncError('bad-input', `There is no source ${sourceId}.`)
    source.password = password
  }

  async setIntervalMs(sourceId: number, intervalMs: number): Promise<void> {
    const source = this.#parts.rows.sources.get(sourceId)
    if (source !== undefined) source.entry = { ...source.entry, intervalMs }
  }

  async removeSource(id: number): Promise<void> {
    const { rows, effects } = this.#parts
    await effects.sourceRemoved(null, id, Number.POSITIVE_INFINITY)
    for (const task of rows.tasks) if (task.source.entry.id === id) rows.tasks.delete(task)
    for (const lane of rows.lanes) {
      const left = lane.queues.filter(({ source }) => source.entry.id !== id)
      lane.queues.splice(0, lane.queues.length, ...left)
      lane.isActive = left.some(({ isActive }) => isActive)
    }
    rows.sources.delete(id)
  }

  async clearRemoved(): Promise<number> {
    // Nothing is ever left behind.
    return 0
  }

  async ask(sourceId: number, isFull: boolean): Promise<void> {
    const { rows, clock } = this.#parts
    const source = rows.sources.get(sourceId)
    if (source === undefined) return
    for (const item of source.items.values()) {
      if (item.state !== 'parked') continue
      dropTaskOf(rows, item)
      Object.assign(item, { state: 'owed', error: null })
    }
    askFor(rows, source, { isFull, nowMs: clock.now() })
  }

  async setPaused(sourceId: number, isPaused: boolean): Promise<void> {
    const source = this.#parts.rows.sources.get(sourceId)
    if (source !== undefined) Object.assign(source, { isPaused, isStirred: true })
  }

  async confirmDeletions(sourceId: number): Promise<number> {
    const source = this.#parts.rows.sources.get(sourceId)
    if (source === undefined || source.withheld === 0) return 0
    source.confirmed = source.withheld
    await this.ask(sourceId, false)
    return source.withheld
  }

  async ownerStatus(ownerId: number): Promise<OwnerStatus | null> {
    const owner = this.#parts.rows.owners.get(ownerId)
    if (owner === undefined) return null
    return { ...told(owner), counts: this.#counts(this.#of(ownerId)) }
  }

  async sourceStatus(sourceId: number): Promise<SourceStatus | null> {
    const source = this.#parts.rows.sources.get(sourceId)
    if (source === undefined) return null
    const { lastRound } = source
    return {
      ...source.entry,
      state: stateOf(source),
      lastError: source.error,
      nextMs: nextOf(source),
      lastRound:
        lastRound === null
          ? null
          : { outcome: lastRound.outcome, endedMs: lastRound.endedMs, reason: lastRound.reason },
      withheld: source.withheld,
      counts: this.#counts([source]),
    }
  }

  async isBusy(sourceId: number): Promise<boolean> {
    const { rows, clock } = this.#parts
    const source = rows.sources.get(sourceId)
    if (source === undefined) return false
    if (source.round !== null || source.asked !== 'no' || source.dueMs <= clock.now()) return true
    const hasTask = tasksOf(rows, source).some(({ state }) => state !== 'parked')
    return hasTask || [...source.items.values()].some(({ state }) => state === 'owed')
  }

  async troubles(sourceId: number, limit: number): Promise<readonly Trouble[]> {
    const items = this.#parts.rows.sources.get(sourceId)?.items.values() ?? []
    return [...items]
      .filter(({ state }) => state === 'skipped' || state === 'parked')
      .toSorted((a, b) => a.rowId - b.rowId)
      .slice(0, limit)
      .map(({ listed, state, error }) => ({
        sourceId,
        path: listed.path.join('/'),
        state: state === 'skipped' ? 'skipped' : 'failed',
        code: error?.code ?? '',
        message: error?.message ?? '',
      }))
  }

  #of(ownerId: number): SourceRow[] {
    return [...this.#parts.rows.sources.values()].filter(({ entry }) => entry.ownerId === ownerId)
  }

  #counts(sources: readonly SourceRow[]): WorkCounts {
    const states = sources.flatMap(({ items }) => [...items.values()].map(({ state }) => state))
    const count = (wanted: string): number => states.filter((state) => state === wanted).length
    const slots = this.#parts.rows.slots.filter(
      ({ held }) => held !== null && sources.includes(held.queue.source),
    )
    const reading = slots.filter(({ pool }) => pool === 'read').length
    return {
      waiting: Math.max(0, count('owed') + count('tasked') - reading),
      running: slots.length,
      done: count('settled'),
      failed: count('parked'),
      skipped: count('skipped'),
    }
  }
}

/** A person asks for a round: the source is well until it fails again. */
export function askFor(
  { lastFence }: Rows,
  source: SourceRow,
  { isFull, nowMs }: { readonly isFull: boolean; readonly nowMs: number },
): void {
  if (isFull) source.cursor = null
  if (source.asked !== 'full') source.asked = isFull ? 'full' : 'round'
  source.dueMs = nowMs
  source.isStirred = true
  source.breaker = {
    ...source.breaker,
    health: health.well,
    restUntilMs: null,
    trips: 0,
    failures: 0,
    recent: 0,
    // What was under way when somebody looked after the source has no say any more.
    fenceFloor: lastFence,
  }
}

function told({ id, name, plan }: OwnerRow): Owner {
  return { id, name, plan }
}

function newSource(
  entry: SourceEntry,
  { password, listPool }: Pick<SourceRow, 'password' | 'listPool'>,
  dueMs: number,
): SourceRow {
  return {
    entry,
    listPool,
    password,
    dueMs,
    asked: 'no',
    isPaused: false,
    isStirred: false,
    cursor: null,
    breaker: {
      health: health.well,
      restUntilMs: null,
      trips: 0,
      failures: 0,
      recent: 0,
      fenceFloor: 0,
      okMs: null,
    },
    progressMs: null,
    error: null,
    round: null,
    lastRound: null,
    cleanRound: null,
    fullMs: null,
    withheld: 0,
    confirmed: 0,
    items: new Map(),
    places: new Map(),
  }
}

function stateOf({ isPaused, breaker, round, lastRound }: SourceRow): SourceStatus['state'] {
  if (isPaused) return 'paused'
  if (breaker.health === health.resting) return 'resting'
  if (breaker.health === health.stopped) return 'stopped'
  if (round !== null) return 'listing'
  return lastRound === null ? 'new' : 'waiting'
}

function nextOf({ isPaused, breaker, round, dueMs }: SourceRow): number | null {
  if (isPaused || breaker.health === health.stopped) return null
  if (breaker.health === health.resting) return breaker.restUntilMs
  return round === null ? dueMs : null
}
