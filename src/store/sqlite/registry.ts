import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import { planWeights, type Plan } from '../../engine/policy.ts'
import type {
  NewSource,
  Owner,
  OwnerStatus,
  Registry,
  SourceEntry,
  SourceSettings,
  SourceStatus,
  Trouble,
} from '../../engine/registry.ts'
import type { SecretContext } from '../vault.ts'
import type { Database } from './database.ts'
import { never } from './rounds.ts'
import { ownerCounts, sourceStatus, troublesOf } from './status.ts'

/** Seals and opens what must not be read in the database file; a secret that is moved to another context does not open. */
export interface Secrets {
  seal(plain: string, context: SecretContext): Uint8Array
  open(sealed: Uint8Array, context: SecretContext): string
}

export interface RegistryParts {
  readonly db: Database
  readonly clock: Clock
  readonly secrets: Secrets
  readonly effects: EffectWriter
  /** Called after every change, so that work begins at once where it is done in this process. */
  readonly onChange: () => void
}

interface OwnerRow {
  readonly id: number
  readonly name: string
  readonly plan: Plan
}

export interface SourceRow {
  readonly id: number
  readonly owner_id: number
  readonly name: string
  readonly kind: string
  readonly address: string
  readonly settings: string
  readonly interval_ms: number
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u

/** Owners and sources in the same database as their work. */
export class SqliteRegistry implements Registry {
  readonly #parts: RegistryParts

  constructor(parts: RegistryParts) {
    this.#parts = parts
  }

  async addOwner(name: string, plan: Plan): Promise<Owner> {
    checkName(name)
    const { db } = this.#parts
    return db.transaction(() => {
      const { changes, lastId } = db
        .prepare('insert into owner (name, plan, weight) values (?, ?, ?) on conflict do nothing')
        .run(name, plan, planWeights[plan])
      if (changes === 0) throw new SyncError('bad-input', `There is a user named ${name} already.`)
      return { id: lastId, name, plan }
    })
  }

  async setPlan(ownerId: number, plan: Plan): Promise<void> {
    this.#run(
      'update owner set plan = ?, weight = ? where id = ?',
      plan,
      planWeights[plan],
      ownerId,
    )
  }

  async owner(name: string): Promise<Owner | null> {
    return (
      this.#parts.db
        .prepare<OwnerRow>('select id, name, plan from owner where name = ?')
        .get(name) ?? null
    )
  }

  async owners(limit: number, after = ''): Promise<readonly Owner[]> {
    return this.#parts.db
      .prepare<OwnerRow>('select id, name, plan from owner where name > ? order by name limit ?')
      .all(after, limit)
  }

  async addSource(source: NewSource): Promise<SourceEntry> {
    checkName(source.name)
    const { db, clock, onChange } = this.#parts
    const added = db.transaction(() => {
      const { changes, lastId } = db
        .prepare(
          `insert into source (owner_id, name, kind, address, settings, interval_ms, due_ms)
           values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
        )
        .run(
          source.ownerId,
          source.name,
          source.kind,
          source.address,
          JSON.stringify(source.settings),
          source.intervalMs,
          clock.now(),
        )
      if (changes === 0) {
        throw new SyncError('bad-input', `There is a source named ${source.name} already.`)
      }
      const { password, ...entry } = source
      if (password !== null) this.#seal(lastId, source.ownerId, password)
      return { ...entry, id: lastId }
    })
    onChange()
    return added
  }

  async source(id: number): Promise<SourceEntry | null> {
    const row = this.#parts.db
      .prepare<SourceRow>(`select ${sourceColumns} from source where id = ?`)
      .get(id)
    return row === undefined ? null : toEntry(row)
  }

  async sources(ownerId: number): Promise<readonly SourceEntry[]> {
    return this.#parts.db
      .prepare<SourceRow>(`select ${sourceColumns} from source where owner_id = ? order by name`)
      .all(ownerId)
      .map(toEntry)
  }

  async password(sourceId: number): Promise<string | null> {
    const { db, secrets } = this.#parts
    const row = db
      .prepare<{ owner_id: number; secret: Uint8Array | null }>(
        'select owner_id, secret from source where id = ?',
      )
      .get(sourceId)
    if (row === undefined || row.secret === null) return null
    return secrets.open(row.secret, contextOf(row.owner_id, sourceId))
  }

  async setPassword(sourceId: number, password: string): Promise<void> {
    const source = await this.source(sourceId)
    if (source === null) throw new SyncError('bad-input', `There is no source ${sourceId}.`)
    this.#parts.db.transaction(() => this.#seal(sourceId, source.ownerId, password))
    this.#parts.onChange()
  }

  async setIntervalMs(sourceId: number, intervalMs: number): Promise<void> {
    this.#run('update source set interval_ms = ? where id = ?', intervalMs, sourceId)
    this.#parts.onChange()
  }

  #seal(sourceId: number, ownerId: number, password: string): void {
    const { db, secrets } = this.#parts
    db.prepare('update source set secret = ? where id = ?').run(
      secrets.seal(password, contextOf(ownerId, sourceId)),
      sourceId,
    )
  }

  async removeSource(id: number): Promise<void> {
    const { db, effects, onChange } = this.#parts
    db.transaction(() => {
      effects.sourceRemoved(id)
      db.prepare('delete from task where source_id = ?').run(id)
      db.prepare('delete from source where id = ?').run(id)
      db.exec(
        `update lane set is_active = 0 where is_active = 1
         and not exists (select 1 from queue where lane_id = lane.id and is_active = 1)`,
      )
    })
    onChange()
  }

  async ask(sourceId: number, isFull: boolean): Promise<void> {
    const { db, clock, onChange } = this.#parts
    db.transaction(() => {
      db.prepare(
        `update source set is_asked = max(is_asked, ?), health = 0, rest_until_ms = null, trips = 0, failures = 0,
           recent = 0, fence_floor = (select value from counter where name = 'fence'), due_ms = case when due_ms = ? then due_ms else ? end,
           cursor = case when ? = 2 then null else cursor end where id = ?`,
      ).run(isFull ? 2 : 1, never, clock.now(), isFull ? 2 : 1, sourceId)
      db.prepare(
        `delete from task where item_id in (select id from item where source_id = ? and state = 4)`,
      ).run(sourceId)
      db.prepare(
        `update item set state = 1, error_code = null, error_message = null
         where source_id = ? and state = 4`,
      ).run(sourceId)
      this.#refresh(sourceId)
    })
    onChange()
  }

  async setPaused(sourceId: number, isPaused: boolean): Promise<void> {
    const { db, onChange } = this.#parts
    db.transaction(() => {
      db.prepare('update source set is_paused = ? where id = ?').run(Number(isPaused), sourceId)
      this.#refresh(sourceId)
    })
    onChange()
  }

  /** What a change of a source means for its queues is found out at the next turn. */
  #refresh(sourceId: number): void {
    this.#parts.db
      .prepare('insert into stirred (source_id) values (?) on conflict do nothing')
      .run(sourceId)
  }

  async confirmDeletions(sourceId: number): Promise<number> {
    const { db } = this.#parts
    const row = db
      .prepare<{ withheld: number }>(
        'update source set confirmed = withheld where id = ? and withheld > 0 returning withheld',
      )
      .get(sourceId)
    if (row === undefined) return 0
    await this.ask(sourceId, false)
    return row.withheld
  }

  async ownerStatus(ownerId: number): Promise<OwnerStatus | null> {
    const { db } = this.#parts
    const owner = db.prepare<OwnerRow>('select id, name, plan from owner where id = ?').get(ownerId)
    return owner === undefined ? null : { ...owner, counts: ownerCounts(db, ownerId) }
  }

  async sourceStatus(sourceId: number): Promise<SourceStatus | null> {
    const entry = await this.source(sourceId)
    return entry === null ? null : sourceStatus(this.#parts.db, entry)
  }

  async isBusy(sourceId: number): Promise<boolean> {
    const row = this.#parts.db
      .prepare<{ busy: number }>(
        `select exists (select 1 from round where source_id = source.id and ended_ms is null)
           or exists (select 1 from task where source_id = source.id and state <> 3)
           or exists (select 1 from item where source_id = source.id and state = 1)
           or is_asked > 0 or due_ms <= ? as busy from source where id = ?`,
      )
      .get(this.#parts.clock.now(), sourceId)
    return row?.busy === 1
  }

  async troubles(sourceId: number, limit: number): Promise<readonly Trouble[]> {
    return troublesOf(this.#parts.db, sourceId, limit)
  }

  #run(sql: string, ...values: readonly (string | number)[]): void {
    this.#parts.db.prepare(sql).run(...values)
  }
}

const sourceColumns = 'id, owner_id, name, kind, address, settings, interval_ms'

function toEntry(row: SourceRow): SourceEntry {
  const { id, name, kind, address } = row
  return {
    id,
    ownerId: row.owner_id,
    name,
    kind,
    address,
    // Written by `addSource` alone.
    settings: JSON.parse(row.settings) as SourceSettings,
    intervalMs: row.interval_ms,
  }
}

function contextOf(ownerId: number, sourceId: number): SecretContext {
  return { ownerId, sourceId, field: 'password' }
}

function checkName(name: string): void {
  if (namePattern.test(name)) return
  throw new SyncError(
    'bad-input',
    'A name has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit.',
  )
}
