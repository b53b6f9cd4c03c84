import type { Clock } from '../../src/base/clock.ts'
import { errorCodes, type ErrorCode } from '../../src/base/errors.ts'
import type { Operations } from '../../src/engine/operations.ts'
import { defaultPolicy, type Plan, type Policy } from '../../src/engine/policy.ts'
import type { Registry, SourceStatus } from '../../src/engine/registry.ts'
import type { ListedItem, NextStep } from '../../src/engine/source.ts'
import type { FreeSlots, TaskStore, Turn } from '../../src/engine/task-store.ts'
import type {
  Applied,
  Changed,
  Checked,
  Claim,
  Failed,
  Failure,
  Found,
  ListClaim,
  Listed,
  ReadClaim,
  Released,
  Result,
  SettleClaim,
  Settled,
} from '../../src/engine/task.ts'
import { MemoryOperations } from '../../src/store/memory/memory-operations.ts'
import { MemoryRegistry } from '../../src/store/memory/memory-registry.ts'
import { MemoryTaskStore } from '../../src/store/memory/memory-task-store.ts'
import { emptyRows } from '../../src/store/memory/rows.ts'
import { SqlOperations } from '../../src/store/sql/operations.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { sqliteText } from '../../src/store/sql/dialect.ts'
import { busySlots, readiness } from '../../src/store/sql/queues.ts'
import type { SqlDatabase } from '../../src/store/sql/sql.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { sqliteSchema } from '../../src/store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { ShownFiles, ShownInMemory, type Shown } from '../sim/shown-files.ts'

/** A store under test, and the parts that stand around it. */
export interface Subject {
  readonly registry: Registry
  readonly operations: Operations
  readonly shown: Shown
  /** A store on the rows that are there, as a process that starts makes it. */
  readonly makeStore: () => TaskStore
  /** Breaks of the store's own rules, by a look into its tables. */
  readonly faults: () => Promise<readonly string[]>
  /** Where every lane stands, and what its queues have been served: `pool class owner vt | served ...`. */
  readonly lanes: () => Promise<readonly string[]>
  /** How long what a dead process held is held: not at all where another one can only come when it is gone. */
  readonly heldMs: number
  /** Rows of tasks, of whatever kind. */
  readonly tasks: () => Promise<number>
  readonly close: () => Promise<void>
}

export interface SubjectParts {
  readonly policy: Policy
  readonly clock: Clock
}

/** No chance: where a store asks for it, it gets the middle. */
const middle = (): number => 0.5

export type MakeSubject = (parts: SubjectParts) => Promise<Subject>

export async function modelSubject({ policy, clock }: SubjectParts): Promise<Subject> {
  const rows = emptyRows()
  const shown = new ShownInMemory()
  return {
    registry: new MemoryRegistry({ rows, clock, effects: shown }),
    operations: new MemoryOperations({ rows, policy, clock, random: middle, effects: shown }),
    shown,
    makeStore: () => new MemoryTaskStore({ rows, policy, clock, random: middle, effects: shown }),
    faults: async () => [],
    lanes: async () =>
      rows.lanes.map(({ pool, workClass, owner, vt, floor, queues }) =>
        [pool, workClass, owner.name, vt, floor, '|', ...queues.map(({ served }) => served)].join(
          ' ',
        ),
      ),
    heldMs: 0,
    // What is read for the first time is a row of its own only here.
    tasks: async () =>
      [...rows.tasks].filter(({ kind, hasFailed }) => kind !== 'read' || hasFailed).length,
    close: async () => undefined,
  }
}

export async function sqliteSubject({ policy, clock }: SubjectParts): Promise<Subject> {
  const file = new Database(':memory:')
  await migrate(sqliteSchema(file), migrations)
  return sqlSubject(new SqliteSql(file, clock), policy, async () => file.close())
}

/** A store on a database that has its tables already. */
export async function sqlSubject(
  db: SqlDatabase,
  policy: Policy,
  close: () => Promise<void>,
): Promise<Subject> {
  const shown = new ShownFiles(db)
  await shown.open()
  const parts = { db, policy, random: middle, effects: shown, nodeName: 'bench' }
  return {
    registry: new SqlRegistry({
      db,
      secrets: plainSecrets,
      effects: shown,
      onChange: () => undefined,
    }),
    operations: new SqlOperations({ ...parts, onChange: () => undefined }),
    shown,
    makeStore: () => new SqlTaskStore(parts),
    faults: () => faultsOf(db),
    lanes: () => lanesOf(db),
    heldMs: db.isShared ? 15_001 : 0,
    tasks: async () =>
      (await db.get<{ count: number }>('select count(*) as count from task'))?.count ?? 0,
    close,
  }
}

async function lanesOf(db: SqlDatabase): Promise<string[]> {
  const queues = await db.all<{ lane_id: number; served: number }>(
    'select lane_id, served from queue order by id',
  )
  const lanes = await db.all<{ id: number; lane: string }>(
    `select lane.id, pool || ' ' || class || ' ' || owner.name || ' ' || vt || ' ' || floor || ' |' as lane
     from lane join owner on owner.id = lane.owner_id order by lane.id`,
  )
  return lanes.map(({ id, lane }) =>
    [lane, ...queues.filter(({ lane_id: of }) => of === id).map(({ served }) => served)].join(' '),
  )
}

export const plainSecrets = {
  seal: (plain: string) => Buffer.from(plain),
  open: (sealed: Uint8Array) => Buffer.from(sealed).toString(),
}

const laws: Readonly<Record<string, string>> = {
  'T1 a task is in two slots':
    'select 1 from slot where task_id is not null group by task_id having count(*) > 1',
  'T6 a queue has more in flight than the largest window':
    'select queue_id from slot where queue_id is not null group by queue_id having count(*) > 32',
  'T9 a queue is active though nothing of it can be claimed, or the other way round': `
    select queue.id from queue join lane on lane.id = queue.lane_id
      join source on source.id = queue.source_id
      left join ${busySlots} as busy on busy.queue_id = queue.id
    where queue.source_id not in (select source_id from stirred)
      and queue.is_active <> ${readiness(1_000_000)}`,
  'T9 a lane is active though none of its queues is, or the other way round': `
    select lane.id from lane where is_active <> case when exists
      (select 1 from queue where queue.lane_id = lane.id and queue.is_active = 1) then 1 else 0 end`,
  'L1 a fence stands in two places':
    'select fence from slot where fence is not null group by fence having count(*) > 1',
  'a leased task is in no slot': `
    select id from task where state = 1 and not exists
      (select 1 from slot where slot.task_id = task.id and slot.fence = task.fence)`,
  'W5 an item is said to have a task, and has none':
    'select id from item where state = 2 and not exists (select 1 from task where item_id = item.id)',
  'W5 a slot reads an item that is not owed': `
    select slot.item_id from slot join item on item.id = slot.item_id where item.state not in (1, 2)`,
  'L1 an item is in two slots':
    'select item_id from slot where item_id is not null group by item_id having count(*) > 1',
  'W5 a task reads an item that is not owed': `
    select task.id from task join item on item.id = task.item_id
    where item.state <> case task.state when 3 then 4 else 2 end`,
  'W5 an applied item is not what is listed':
    'select id from item where state = 0 and (applied is null or applied <> listed)',
  'R1 a source has two open rounds':
    'select source_id from round where ended_ms is null group by source_id having count(*) > 1',
  'R3 a round is open and nothing will end it': `
    select id from round where ended_ms is null and not exists
      (select 1 from task where task.round_id = round.id and task.state <> 3)`,
  'R9 a source has neither a round nor a time for one': `
    select id from source where due_ms = 9007199254740991 and not exists
      (select 1 from round where round.source_id = source.id and ended_ms is null)`,
}

/** What of the laws of docs/spec/engine.md the rows break; the number comes first. */
export async function faultsOf(db: SqlDatabase): Promise<string[]> {
  const broken: string[] = []
  for (const [law, sql] of Object.entries(laws)) {
    const row = await db.get(sql)
    if (row !== undefined) broken.push(`${law}: ${JSON.stringify(row)}`)
  }
  return broken
}

/** The same of a file that nobody else uses, at once. */
export function faultsIn(db: Database): string[] {
  return Object.entries(laws).flatMap(([law, sql]) => {
    const row = db.prepare(sqliteText(sql)).get()
    return row === undefined ? [] : [`${law}: ${JSON.stringify(row)}`]
  })
}

class HandClock implements Clock {
  nowMs = 1_700_000_000_000

  now(): number {
    return this.nowMs
  }

  elapsed(): number {
    return this.nowMs
  }

  async sleep(): Promise<void> {
    throw new Error('a store does not sleep')
  }

  after(): () => void {
    throw new Error('a store sets no timers')
  }
}

export const benchPolicy: Policy = {
  ...defaultPolicy,
  charge: 'tasks',
  slots: { list: 4, read: 4 },
}

/** A store with short words for what tests do with it. */
export class Bench {
  readonly clock: HandClock
  readonly policy: Policy
  readonly subject: Subject
  readonly registry: Registry
  readonly operations: Operations
  readonly shown: Shown
  store: TaskStore

  private constructor(clock: HandClock, policy: Policy, subject: Subject) {
    this.clock = clock
    this.policy = policy
    this.subject = subject
    this.registry = subject.registry
    this.operations = subject.operations
    this.shown = subject.shown
    this.store = subject.makeStore()
  }

  static async open(make: MakeSubject, changes: Partial<Policy> = {}): Promise<Bench> {
    const clock = new HandClock()
    const policy = { ...benchPolicy, ...changes }
    const bench = new Bench(clock, policy, await make({ policy, clock }))
    await bench.store.open()
    return bench
  }

  /** The process is gone, and another one takes over. */
  async restart(): Promise<void> {
    this.pass(this.subject.heldMs)
    this.store = this.subject.makeStore()
    await this.store.open()
  }

  pass(ms: number): void {
    this.clock.nowMs += ms
  }

  async turn(results: readonly Result[] = [], free: FreeSlots = this.policy.slots): Promise<Turn> {
    const turn = await this.store.turn(results, free)
    const faults = await this.subject.faults()
    if (faults.length > 0) throw new Error(faults.join('\n'))
    return turn
  }

  /** Writes results and claims nothing. */
  async write(...results: readonly Result[]): Promise<Turn> {
    return this.turn(results, {})
  }

  async claims(free: FreeSlots = this.policy.slots): Promise<readonly Claim[]> {
    return (await this.turn([], free)).claims
  }

  async reads(count: number): Promise<readonly ReadClaim[]> {
    return (await this.claims({ read: count })).map(asRead)
  }

  /** The one list task that can be claimed. */
  async list(): Promise<ListClaim> {
    const [claim, other] = await this.claims({ list: 4 })
    if (claim?.kind !== 'list' || other !== undefined) throw new Error('not one list task')
    return claim
  }

  async settle(): Promise<SettleClaim> {
    const [claim] = await this.claims({ list: 1 })
    if (claim?.kind !== 'settle') throw new Error(`not a settle task but ${claim?.kind ?? 'none'}`)
    return claim
  }

  async addSource(owner: number | string, plan: Plan = 'free'): Promise<number> {
    const ownerId =
      typeof owner === 'number' ? owner : (await this.registry.addOwner(owner, plan)).id
    const sources = await this.registry.sources(ownerId)
    const { id } = await this.registry.addSource({
      ownerId,
      name: `source${sources.length}`,
      kind: 'memory',
      address: 'memory:',
      settings: {},
      intervalMs: 900_000,
      password: null,
    })
    return id
  }

  async addPeer(name: string): Promise<number> {
    const peer = { name, kind: 'memory', address: 'memory:', settings: {}, intervalMs: 5_000 }
    return (await this.registry.putPeer(peer)).id
  }

  /** The listing of a peer. */
  async peer(): Promise<ListClaim> {
    const [claim] = await this.claims({ peer: 1 })
    if (claim?.kind !== 'list') throw new Error(`not a listing but ${claim?.kind ?? 'none'}`)
    return claim
  }

  /** Runs the source's first round: so many files in one place are owed afterwards, or read as well. */
  async fill(sourceId: number, files: number, isRead = false): Promise<ListedItem[]> {
    const items = Array.from({ length: files }, (_, n) => file(`f${n}`))
    await this.round(sourceId, items)
    if (isRead) await this.readAll()
    return items
  }

  /** One round of one place from its claim to its last result, which lists these. */
  async round(
    sourceId: number,
    items: readonly ListedItem[],
    parts: ListedParts = {},
  ): Promise<void> {
    const claims = await this.claims({ list: this.policy.slots.list })
    const claim = claims.find((claim) => claim.sourceId === sourceId)
    const others = claims.filter((other) => other !== claim)
    if (claim?.kind !== 'list') throw new Error(`source ${sourceId} has no list task`)
    await this.write(...others.map(released), listed(claim, items, parts))
  }

  /** Reads whatever can be read, for as long as there is something. */
  async readAll(): Promise<void> {
    for (let claims = await this.reads(4); claims.length > 0; claims = await this.reads(4)) {
      await this.write(...claims.map((claim) => applied(claim)))
    }
  }

  async ask(sourceId: number, isFull = false): Promise<void> {
    await this.registry.ask(sourceId, isFull)
  }

  async status(sourceId: number): Promise<SourceStatus> {
    const status = await this.registry.sourceStatus(sourceId)
    if (status === null) throw new Error('no such source')
    return status
  }

  async keys(sourceId: number): Promise<string[]> {
    return Object.keys(await this.shown.of(sourceId))
  }

  async close(): Promise<void> {
    await this.subject.close()
  }
}

export function file(key: string, version = 'v1', more: Partial<ListedItem> = {}): ListedItem {
  return { key, path: key.split('/'), size: 10, version, ...more }
}

export interface ListedParts {
  readonly next?: readonly NextStep[]
  readonly cursor?: string
  readonly gone?: readonly string[]
  readonly seen?: readonly number[]
  readonly isTree?: boolean
  readonly effect?: object
}

const usedMs = 100

/** Slots for peers, too. */
export const withPeers: Partial<Policy> = { slots: { list: 4, read: 4, peer: 4 } }

export function listed(
  claim: Claim,
  items: readonly ListedItem[],
  parts: ListedParts = {},
): Listed {
  if (claim.kind !== 'list') throw new Error('not a list claim')
  const { next = [], cursor = null, gone = [], seen = [], isTree = cursor === null } = parts
  const { effect = null } = parts
  const told = { items, gone, effect, next, cursor, isTree, seen: new Set(seen) }
  return { type: 'listed', claim, usedMs, ...told }
}

export function found(
  claim: ListClaim,
  items: readonly ListedItem[],
  { isTree = true, effect = null }: Partial<Pick<Found, 'isTree' | 'effect'>> = {},
): Found {
  return { type: 'found', claim, items, gone: [], effect, isTree }
}

export function applied(claim: Claim, used = usedMs): Applied {
  const { item, known } = asRead(claim)
  const effect = known === null ? { text: `${item.key} ${item.version}` } : { sameAs: known.rowId }
  return { type: 'applied', claim: asRead(claim), usedMs: used, effect }
}

export function changed(claim: ReadClaim, item: ListedItem): Changed {
  return { type: 'changed', claim, usedMs, item, failure: failure('changed') }
}

export function failed(claim: Claim, code: ErrorCode, retryAfterMs?: number): Failed {
  return { type: 'failed', claim, usedMs, failure: failure(code, retryAfterMs) }
}

export function released(claim: Claim): Released {
  return { type: 'released', claim, usedMs: 0 }
}

/** Everything that is asked for is gone, but what `isKept` says. */
export function settled(
  claim: SettleClaim,
  isKept: (key: string) => boolean = () => false,
): Settled {
  const idsOf = (isWanted: (key: string) => boolean): number[] =>
    claim.candidates
      .map(({ item }) => item)
      .filter(({ key }) => isWanted(key))
      .map(({ rowId }) => rowId)
  const gone = idsOf((key) => !isKept(key))
  return { type: 'settled', claim, usedMs, gone, kept: idsOf(isKept), unknown: [] }
}

export function checked(sourceId: number, code?: ErrorCode): Checked {
  return { type: 'checked', sourceId, failure: code === undefined ? null : failure(code) }
}

export function failure(code: ErrorCode, retryAfterMs?: number): Failure {
  const base = { code, remedy: errorCodes[code][0], message: `It failed with ${code}.` }
  return retryAfterMs === undefined ? base : { ...base, retryAfterMs }
}

export function asList(claim: Claim): ListClaim {
  if (claim.kind !== 'list') throw new Error('not a list task')
  return claim
}

export function asRead(claim: Claim): ReadClaim {
  if (claim.kind !== 'read') throw new Error('not a read claim')
  return claim
}
