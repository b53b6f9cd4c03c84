import { entityTypes } from '../../../content/entity.ts'
import {
  seenOf,
  type NodeFacts,
  type NodeTotals,
  type PeerStanding,
  type SignedRow,
} from '../../../content/node-facts.ts'
import { peerKind } from '../../../content/peers/kinds.ts'
import { isThere } from '../removal.ts'
import { never } from '../rounds.ts'
import type { SqlDatabase } from '../sql.ts'
import { newestMs } from './content-clock.ts'

/** What the rows of a node tell its operator. */
export class SqlNodeFacts implements NodeFacts {
  readonly #db: SqlDatabase

  constructor({ db }: { readonly db: SqlDatabase }) {
    this.#db = db
  }

  async peers(): Promise<readonly PeerStanding[]> {
    const rows = await this.#db.all<PeerRow>(
      `select source.id, source.address, source.health, source.is_paused, source.due_ms,
         source.rest_until_ms, source.ok_ms, source.error_code, source.error_message,
         source.error_ms, source.cursor, coalesce(peer_tally.taken, 0) as taken,
         (select max(ended_ms) from round
            where source_id = source.id and outcome = 'clean') as level_ms,
         (select count(*) from snapshot_work where source_id = source.id) as snapshots,
         (select count(*) from snapshot_part join snapshot_work
            on snapshot_work.hash = snapshot_part.hash
            where snapshot_work.source_id = source.id) as parts,
         (select count(*) from failed_deployment where source_id = source.id) as failed
       from source left join peer_tally on peer_tally.source_id = source.id
       where ${isPeer} order by source.name`,
    )
    return rows.map(standingOf)
  }

  async totals(): Promise<NodeTotals> {
    const counts = await this.#db.all<{ type: string; count: number }>(
      'select type, count(*) as count from deployment where is_active = 1 group by type',
    )
    const failed = await this.#db.get<{ count: number }>(
      'select count(distinct entity_id) as count from failed_deployment',
    )
    const byType = new Map(counts.map(({ type, count }) => [type, count]))
    return {
      // Of each kind, also of those of which there are none.
      active: Object.fromEntries(
        entityTypes.map((type) => [type, byType.get(type) ?? 0]),
      ) as NodeTotals['active'],
      failed: failed?.count ?? 0,
      newestMs: await newestMs(this.#db),
    }
  }

  async reach(): Promise<{ known: number; unreachable: number }> {
    const row = await this.#db.get<{ known: number; unreachable: number }>(
      `select count(*) as known,
         coalesce(sum(case when health > 0 and is_paused = 0 then 1 else 0 end), 0) as unreachable
       from source where ${isPeer}`,
    )
    return { known: row?.known ?? 0, unreachable: row?.unreachable ?? 0 }
  }

  async activeBehind(id: number, limit: number): Promise<readonly SignedRow[]> {
    return this.#db.all<SignedRow>(
      `select id, entity_id as "entityId", auth_chain as "authChain" from deployment
       where id > ? and is_active = 1 order by id limit ?`,
      id,
      limit,
    )
  }

  async blobsBehind(hash: string, limit: number): Promise<readonly string[]> {
    const rows = await this.#db.all<{ hash: string }>(
      'select hash from small_blob where hash > ? order by hash limit ?',
      hash,
      limit,
    )
    return rows.map((row) => row.hash)
  }

  async contentOf(ids: readonly number[]): Promise<readonly { id: number; hash: string }[]> {
    return this.#db.all<{ id: number; hash: string }>(
      'select deployment_id as id, hash from content_file where deployment_id = any(?)',
      ids,
    )
  }

  async putEntityFile(entityId: string, file: Uint8Array): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const row = await tx.get<{ id: number }>(
        'select id from deployment where entity_id = ?',
        entityId,
      )
      if (row === undefined) return
      await tx.run('delete from entity_file where id = ?', row.id)
      await tx.run('insert into entity_file (id, bytes) values (?, ?)', row.id, file)
    })
  }
}

const isPeer = `source.kind = '${peerKind}' and source.list_pool = 'peer' and ${isThere}`

interface PeerRow {
  readonly id: number
  readonly address: string
  readonly health: number
  readonly is_paused: number
  readonly due_ms: number
  readonly rest_until_ms: number | null
  readonly ok_ms: number | null
  readonly error_code: string | null
  readonly error_message: string | null
  readonly error_ms: number | null
  readonly cursor: string | null
  readonly level_ms: number | null
  readonly snapshots: number
  readonly parts: number
  readonly taken: number
  readonly failed: number
}

function standingOf(row: PeerRow): PeerStanding {
  const { error_code: code, error_message: message, error_ms: atMs, due_ms: dueMs } = row
  const state = stateOf(row)
  const nextMs = state === 'unreachable' ? row.rest_until_ms : dueMs
  return {
    id: row.id,
    url: row.address,
    state,
    wellMs: row.ok_ms,
    nextMs: state === 'stopped' || state === 'paused' || nextMs === never ? null : nextMs,
    error: code === null ? null : { code, message: message ?? '', atMs: atMs ?? 0 },
    seenMs: seenOf(row.cursor),
    levelMs: row.level_ms,
    snapshots: row.snapshots,
    parts: row.parts,
    taken: row.taken,
    failed: row.failed,
  }
}

function stateOf({ health, is_paused: isPaused, cursor }: PeerRow): PeerStanding['state'] {
  if (isPaused === 1) return 'paused'
  if (health > 0) return health === 1 ? 'unreachable' : 'stopped'
  return cursor === null ? 'bootstrapping' : 'following'
}
