import { isLately, type Breaker } from '../../engine/breaker.ts'
import type { ListPool } from '../../engine/registry.ts'
import type { Failure } from '../../engine/task.ts'
import { LaneBook, laneColumns, queueColumns, type LaneRow, type QueueRow } from './lane-book.ts'
import type { Transaction } from './sql.ts'

/** A source's breaker and what it said last, while a turn is under way. */
export interface SourceAccount {
  readonly id: number
  /** Where its listing takes turns. */
  readonly listPool: ListPool
  /** A round of it has ended clean. */
  readonly wasWell: boolean
  breaker: Breaker
  /** When its work moved last, as far as it is written; and whether it has moved since. */
  readonly progressMs: number | null
  isMoved: boolean
  /** An error is shown. */
  readonly hasError: boolean
  /** What to show as its last error: a new one, none any more (null), or what stands there already. */
  error: Failure | null | undefined
  /** The number of the item that came to be owed last. */
  seq: number
}

/**
 * Sources with their lanes and queues that a turn has to itself: sources and lanes are locked in an order that all
 * processes keep (by number, sources first), so that nobody waits in a circle; whoever has a lane has its queues. Their
 * keys are not locked: a row that is written twice in a transaction has its foreign keys looked at, and whoever claims
 * would wait there. Read when they are taken, written once when all results are in. Until then SQL does not see the
 * changes.
 */
export class Ledger {
  /** Their lanes and queues, and those that are claimed from. */
  readonly book: LaneBook
  readonly #tx: Transaction
  readonly #sources = new Map<number, SourceAccount>()
  readonly #changed = new Set<SourceAccount>()
  #fence = 0

  constructor(tx: Transaction) {
    this.#tx = tx
    this.book = new LaneBook(tx)
  }

  /** Takes these sources, however long another process has them. Once, before `takeFree`. */
  async take(sourceIds: readonly number[]): Promise<void> {
    if (sourceIds.length === 0) return
    // In this order, though nobody waits for one answer before the next question.
    const [sources, lanes, queues] = await Promise.all([
      this.#lockSources(sourceIds, ''),
      this.#lockLanes(sourceIds, ''),
      this.#queuesOf(sourceIds),
    ])
    this.#keep(sources, lanes, queues)
  }

  /**
   * Takes those of these sources that no other process has just now, nor a lane of theirs: for whoever has taken some,
   * waiting might be in a circle. Returns whether it has all of them.
   */
  async takeFree(sourceIds: readonly number[]): Promise<boolean> {
    const wanted = sourceIds.filter((id) => !this.#sources.has(id))
    if (wanted.length === 0) return true
    const sources = await this.#lockSources(wanted, ' skip locked')
    const ids = sources.map(({ id }) => id)
    const [lanes, all] = await Promise.all([
      this.#lockLanes(ids, ' skip locked'),
      this.#tx.all<{ owner_id: number; lanes: number }>(
        'select owner_id, count(*) as lanes from lane where owner_id = any(?) group by owner_id',
        [...new Set(sources.map((row) => row.owner_id))],
      ),
    ])
    const missing = new Map(all.map((row) => [row.owner_id, row.lanes]))
    for (const { owner_id: id } of lanes) missing.set(id, (missing.get(id) ?? 0) - 1)
    const free = sources.filter((row) => (missing.get(row.owner_id) ?? 0) === 0)
    this.#keep(free, lanes, await this.#queuesOf(free.map(({ id }) => id)))
    return free.length === wanted.length
  }

  #lockSources(ids: readonly number[], skip: '' | ' skip locked'): Promise<SourceRow[]> {
    return this.#tx.all(
      `select id, owner_id, list_pool, clean_round_id, seq, health, rest_until_ms, trips, failures, recent, fence_floor,
         ok_ms, progress_ms, error_code
       from source where id = any(?) order by id for no key update of source${skip}`,
      ids,
    )
  }

  #lockLanes(sourceIds: readonly number[], skip: '' | ' skip locked'): Promise<LaneRow[]> {
    return this.#tx.all(
      `select ${laneColumns} from lane join owner on owner.id = lane.owner_id
       where lane.owner_id in (select owner_id from source where source.id = any(?))
       order by lane.id for no key update of lane${skip}`,
      sourceIds,
    )
  }

  /**
   * Read after their lanes were locked: they stay as they are, and nobody gives a fence to a task of theirs. The newest one
   * comes with them.
   */
  #queuesOf(sourceIds: readonly number[]): Promise<(QueueRow & Fenced)[]> {
    return this.#tx.all(
      `select ${queueColumns}, (select value from counter where name = 'fence') as fence
       from queue where queue.source_id = any(?)`,
      sourceIds,
    )
  }

  #keep(
    sources: readonly SourceRow[],
    lanes: readonly LaneRow[],
    queues: readonly (QueueRow & Fenced)[],
  ): void {
    for (const row of sources) this.#sources.set(row.id, accountOf(row))
    this.#fence = queues[0]?.fence ?? this.#fence
    for (const row of lanes) this.book.takeLane(row)
    for (const row of queues) this.book.takeQueue(row)
  }

  /** Null: it is not there any more, or is not ours in this turn. */
  source(id: number): SourceAccount | null {
    return this.#sources.get(id) ?? null
  }

  change(source: SourceAccount, to?: Partial<SourceAccount>): void {
    if (to !== undefined) Object.assign(source, to)
    this.#changed.add(source)
  }

  /** Its work has moved: worth writing once in a while. */
  move(source: SourceAccount, nowMs: number): void {
    if (!isLately(source.progressMs, nowMs)) this.change(source, { isMoved: true })
  }

  /** The next number for an item of a source that comes to be owed. */
  nextSeq(sourceId: number): number {
    const source = this.#sources.get(sourceId)
    if (source === undefined) return 0
    this.change(source, { seq: source.seq + 1 })
    return source.seq
  }

  get sourceIds(): readonly number[] {
    return [...this.#sources.keys()]
  }

  /** The newest fence that was ever given to a task of one of them. */
  get newestFence(): number {
    return this.#fence
  }

  /** Writes what has changed of sources. */
  async write(nowMs: number): Promise<void> {
    const sources = this.#changed
    if (sources.size === 0) return
    const rows = [...sources].map((account) => rowOf(account, nowMs))
    for (const account of sources) Object.assign(account, { isMoved: false, error: undefined })
    sources.clear()
    await this.#tx.each(
      `update source set seq = r.seq, health = r.health, rest_until_ms = r.rest_until_ms, trips = r.trips,
         failures = r.failures, recent = r.recent, fence_floor = r.fence_floor, ok_ms = r.ok_ms,
         progress_ms = coalesce(r.progress_ms, source.progress_ms),
         error_code = case when r.is_told = 1 then r.error_code else source.error_code end,
         error_message = case when r.is_told = 1 then r.error_message else source.error_message end,
         error_ms = coalesce(r.error_ms, source.error_ms)
       from rows as r (id bigint, seq bigint, health bigint, rest_until_ms bigint,
         trips bigint, failures bigint, recent bigint, fence_floor bigint, ok_ms bigint,
         progress_ms bigint, is_told bigint, error_code text, error_message text, error_ms bigint)
       where source.id = r.id`,
      rows,
    )
  }
}

function rowOf({ id, seq, breaker, isMoved, error }: SourceAccount, nowMs: number): object {
  const { health, restUntilMs, trips, failures, recent, fenceFloor, okMs } = breaker
  return {
    id,
    seq,
    health,
    rest_until_ms: restUntilMs,
    trips,
    failures,
    recent,
    fence_floor: fenceFloor,
    ok_ms: okMs,
    progress_ms: isMoved ? nowMs : null,
    is_told: error === undefined ? 0 : 1,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    error_ms: error === undefined || error === null ? null : nowMs,
  }
}

interface SourceRow {
  readonly id: number
  readonly owner_id: number
  readonly list_pool: ListPool
  readonly clean_round_id: number | null
  readonly seq: number
  readonly health: number
  readonly rest_until_ms: number | null
  readonly trips: number
  readonly failures: number
  readonly recent: number
  readonly fence_floor: number
  readonly ok_ms: number | null
  readonly progress_ms: number | null
  readonly error_code: string | null
}

interface Fenced {
  readonly fence: number
}

function accountOf(row: SourceRow): SourceAccount {
  const { id, seq, health, trips, failures, recent } = row
  const { rest_until_ms: restUntilMs, fence_floor: fenceFloor, ok_ms: okMs } = row
  return {
    id,
    listPool: row.list_pool,
    seq,
    wasWell: row.clean_round_id !== null,
    breaker: { health, restUntilMs, trips, failures, recent, fenceFloor, okMs },
    progressMs: row.progress_ms,
    isMoved: false,
    hasError: row.error_code !== null,
    error: undefined,
  }
}
