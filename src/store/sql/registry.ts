import { SyncError } from '../../base/errors.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import { planWeights, type Plan } from '../../engine/policy.ts'
import type {
  NewPeer,
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
import { askForRound, stir } from './asking.ts'
import { putPeer } from './peers.ts'
import { clearPortion, isThere, lockWithLanes, removeSource } from './removal.ts'
import { never } from './rounds.ts'
import type { SqlDatabase, Transaction } from './sql.ts'
import { ownerCounts, sourceStatus, troublesOf } from './status.ts'

/** Seals and opens what must not be read in the database file; a secret that is moved to another context does not open. */
export interface Secrets {
  seal(plain: string, context: SecretContext): Uint8Array
  open(sealed: Uint8Array, context: SecretContext): string
}

export interface RegistryParts {
  readonly db: SqlDatabase
  readonly secrets: Secrets
  readonly effects: EffectWriter<Transaction>
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
export class SqlRegistry implements Registry {
  readonly #parts: RegistryParts

  constructor(parts: RegistryParts) {
    this.#parts = parts
  }

  async addOwner(name: string, plan: Plan): Promise<Owner> {
    checkName(name)
    const added = await this.#parts.db.get<{ id: number }>(
      'insert into owner (name, plan, weight) values (?, ?, ?) on conflict do nothing returning id',
      name,
      plan,
      planWeights[plan],
    )
    if (added === undefined) {
      throw new SyncError('bad-input', `There is a user named ${name} already.`)
    }
    return { id: added.id, name, plan }
  }

  async setPlan(ownerId: number, plan: Plan): Promise<void> {
    await this.#parts.db.run(
      'update owner set plan = ?, weight = ? where id = ?',
      plan,
      planWeights[plan],
      ownerId,
    )
  }

  async owner(name: string): Promise<Owner | null> {
    const owner = await this.#parts.db.get<OwnerRow>(
      'select id, name, plan from owner where name = ? and is_peer = 0',
      name,
    )
    return owner ?? null
  }

  async owners(limit: number, after = ''): Promise<readonly Owner[]> {
    return this.#parts.db.all<OwnerRow>(
      'select id, name, plan from owner where name > ? and is_peer = 0 order by name limit ?',
      after,
      limit,
    )
  }

  async addSource(source: NewSource): Promise<SourceEntry> {
    checkName(source.name)
    const { password, ...entry } = source
    const id = await this.#change(async (tx) => {
      const added = await tx.get<{ id: number }>(
        `insert into source (owner_id, name, kind, address, settings, interval_ms, due_ms)
         values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing returning id`,
        source.ownerId,
        source.name,
        source.kind,
        source.address,
        JSON.stringify(source.settings),
        source.intervalMs,
        tx.nowMs,
      )
      if (added === undefined) {
        throw new SyncError('bad-input', `There is a source named ${source.name} already.`)
      }
      if (password !== null) await this.#seal(tx, { ...entry, id: added.id }, password)
      return added.id
    })
    return { ...entry, id }
  }

  async putPeer(peer: NewPeer): Promise<SourceEntry> {
    return { ...peer, ...(await this.#change((tx) => putPeer(tx, peer))) }
  }

  async peers(): Promise<readonly SourceEntry[]> {
    const rows = await this.#parts.db.all<SourceRow>(
      `select ${sourceColumns} from source where list_pool = 'peer' and ${isThere} order by name`,
    )
    return rows.map(toEntry)
  }

  async hasten(sourceId: number): Promise<void> {
    const { db, onChange } = this.#parts
    const isNew = await db.transaction(async (tx) => {
      const changed = await tx.run(
        `update source set due_ms = case when due_ms < ?3 then ?1 else due_ms end,
           is_asked = case when due_ms < ?3 then is_asked else 1 end
         where id = ?2 and (due_ms > ?1 and due_ms < ?3 or due_ms >= ?3 and is_asked < 1)`,
        tx.nowMs,
        sourceId,
        never,
      )
      if (changed > 0) await tx.notify()
      return changed > 0
    })
    // Hints come by the dozen: the first is heard, and the others cost nothing.
    if (isNew) onChange()
  }

  async source(id: number): Promise<SourceEntry | null> {
    const row = await this.#parts.db.get<SourceRow>(
      `select ${sourceColumns} from source where id = ? and ${isThere}`,
      id,
    )
    return row === undefined ? null : toEntry(row)
  }

  async ownerOf(sourceId: number): Promise<Owner | null> {
    const owner = await this.#parts.db.get<OwnerRow>(
      `select owner.id, owner.name, owner.plan from source join owner on owner.id = source.owner_id
       where source.id = ? and ${isThere}`,
      sourceId,
    )
    return owner ?? null
  }

  async sources(ownerId: number): Promise<readonly SourceEntry[]> {
    const rows = await this.#parts.db.all<SourceRow>(
      `select ${sourceColumns} from source where owner_id = ? and ${isThere} order by name`,
      ownerId,
    )
    return rows.map(toEntry)
  }

  async password(sourceId: number): Promise<string | null> {
    const { db, secrets } = this.#parts
    const row = await db.get<{ owner_id: number; secret: Uint8Array | null }>(
      'select owner_id, secret from source where id = ?',
      sourceId,
    )
    if (row === undefined || row.secret === null) return null
    return secrets.open(row.secret, contextOf(row.owner_id, sourceId))
  }

  async setPassword(sourceId: number, password: string): Promise<void> {
    const source = await this.source(sourceId)
    if (source === null) throw new SyncError('bad-input', `There is no source ${sourceId}.`)
    await this.#change((tx) => this.#seal(tx, source, password))
  }

  async setIntervalMs(sourceId: number, intervalMs: number): Promise<void> {
    await this.#change((tx) =>
      tx.run('update source set interval_ms = ? where id = ?', intervalMs, sourceId),
    )
  }

  async #seal(
    tx: Transaction,
    { id, ownerId }: { readonly id: number; readonly ownerId: number },
    password: string,
  ): Promise<void> {
    const sealed = this.#parts.secrets.seal(password, contextOf(ownerId, id))
    await tx.run('update source set secret = ? where id = ?', sealed, id)
  }

  async removeSource(id: number): Promise<void> {
    await this.#change((tx) => removeSource(tx, id))
  }

  async clearRemoved(limit: number): Promise<number> {
    const { db, effects } = this.#parts
    return clearPortion(db, effects, limit)
  }

  async ask(sourceId: number, isFull: boolean): Promise<void> {
    await this.#change(async (tx) => {
      // First: a claim that is under way gets a fence that counts as one from before.
      if (!(await lockWithLanes(tx, sourceId))) return
      await askForRound(tx, sourceId, isFull)
      await tx.run(
        'delete from task where item_id in (select id from item where source_id = ? and state = 4)',
        sourceId,
      )
      await tx.run(
        `update item set state = 1, error_code = null, error_message = null
         where source_id = ? and state = 4`,
        sourceId,
      )
      await stir(tx, sourceId)
    })
  }

  async setPaused(sourceId: number, isPaused: boolean): Promise<void> {
    await this.#change(async (tx) => {
      await tx.run(
        `update source set is_paused = ? where id = ? and ${isThere}`,
        Number(isPaused),
        sourceId,
      )
      await stir(tx, sourceId)
    })
  }

  async confirmDeletions(sourceId: number): Promise<number> {
    const row = await this.#parts.db.get<{ withheld: number }>(
      'update source set confirmed = withheld where id = ? and withheld > 0 returning withheld',
      sourceId,
    )
    if (row === undefined) return 0
    await this.ask(sourceId, false)
    return row.withheld
  }

  async ownerStatus(ownerId: number): Promise<OwnerStatus | null> {
    const { db } = this.#parts
    const owner = await db.get<OwnerRow>('select id, name, plan from owner where id = ?', ownerId)
    return owner === undefined ? null : { ...owner, counts: await ownerCounts(db, ownerId) }
  }

  async sourceStatus(sourceId: number): Promise<SourceStatus | null> {
    const entry = await this.source(sourceId)
    return entry === null ? null : sourceStatus(this.#parts.db, entry)
  }

  async isBusy(sourceId: number): Promise<boolean> {
    const { db } = this.#parts
    const row = await db.get(
      `select 1 from source where id = ? and ${isThere} and (is_asked > 0 or due_ms <= ?
         or exists (select 1 from round where source_id = source.id and ended_ms is null)
         or exists (select 1 from task where source_id = source.id and state <> 3)
         or exists (select 1 from item where source_id = source.id and state = 1)
         or exists (select 1 from slot join queue on queue.id = slot.queue_id
           where queue.source_id = source.id and slot.item_id is not null))`,
      sourceId,
      await db.now(),
    )
    return row !== undefined
  }

  async troubles(sourceId: number, limit: number): Promise<readonly Trouble[]> {
    return troublesOf(this.#parts.db, sourceId, limit)
  }

  /** Changes something that a running server is to see at once. */
  async #change<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const { db, onChange } = this.#parts
    const result = await db.transaction(async (tx) => {
      const done = await work(tx)
      await tx.notify()
      return done
    })
    onChange()
    return result
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
