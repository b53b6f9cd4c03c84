import { assert } from '../../../base/errors.ts'
import {
  maxDeployments,
  maxEffect,
  type ContentEffect,
  type Deployed,
  type SmallBlob,
} from '../../../content/content-store.ts'
import type { Deployment } from '../../../content/entity.ts'
import type { Transaction, Write } from '../sql.ts'
import { lockClock } from './content-clock.ts'
import {
  contentRows,
  insertContent,
  insertDeployments,
  insertFiles,
  rowOf,
  type Numbered,
} from './deployment-rows.ts'
import { recordFailures } from './failures.ts'
import { marksAt } from './marks.ts'
import { overwriting, type Batch, type Holder, type Overwriting } from './overwriting.ts'
import { placeOf, pointerKey } from './pointer-key.ts'
import { portions, type BulkyWrite } from './portions.ts'
import { finishParts } from './snapshot-work.ts'

/**
 * Writes an effect inside the transaction that ends a task. The first statement takes the lock under which local times
 * are given, and it is held until the transaction is over: whoever follows misses nothing, and who is active and what is
 * needed does not change meanwhile.
 */
export async function applyContent(
  tx: Transaction,
  effect: ContentEffect,
  nowMs: number,
): Promise<readonly Deployed[]> {
  assert(effect.deployments.length <= maxEffect, `an effect has at most ${maxEffect} deployments`)
  const clock = await lockClock(tx)
  const offered = [...effect.deployments, ...effect.failures].map(({ entityId }) => entityId)
  const known = await knownRows(tx, offered)
  const newcomers = distinct(effect.deployments).filter(({ entityId }) => !known.has(entityId))
  const batches = batched(newcomers, Math.max(nowMs, clock.last_ms + 1))
  const outcome = overwriting(batches, await marksAt(tx, keysOf(batches)))
  const rows = numbered(batches, outcome, clock.last_id)
  const [files = [], ...moreFiles] = portions(fileWrite(rows)).map((write) => [write])
  const [blobs = [], ...moreBlobs] = portions(blobWrite(effect.blobs, nowMs)).map((write) => [
    write,
  ])
  await tx.together([
    ...deploymentWrites(rows),
    ...files,
    ...overwritingWrites(batches, outcome),
    ...blobs,
    ...arrivalWrites(effect.deployments),
    ...clockWrites(rows),
  ])
  for (const writes of [...moreFiles, ...moreBlobs]) await tx.together(writes)
  await sweepAgain(tx, effect, known)
  const arrived = new Map(rows.map(({ deployment, localMs }) => [deployment.entityId, localMs]))
  await recordFailures(
    tx,
    effect.failures.filter(({ entityId }) => !known.has(entityId) && !arrived.has(entityId)),
    { nowMs },
  )
  await finishParts(tx, effect.parts, nowMs)
  return deployedOf(effect.deployments, arrived, known)
}

interface KnownRow {
  readonly entity_id: string
  readonly local_ms: number
  readonly is_swept: number
}

async function knownRows(
  tx: Transaction,
  entityIds: readonly string[],
): Promise<ReadonlyMap<string, KnownRow>> {
  if (entityIds.length === 0) return new Map()
  const rows = await tx.all<KnownRow>(
    'select entity_id, local_ms, is_swept from deployment where entity_id = any(?)',
    entityIds,
  )
  return new Map(rows.map((row) => [row.entity_id, row]))
}

function distinct(deployments: readonly Deployment[]): Deployment[] {
  const byId = new Map<string, Deployment>()
  for (const deployment of deployments) {
    if (!byId.has(deployment.entityId)) byId.set(deployment.entityId, deployment)
  }
  return [...byId.values()]
}

/** An entity with the places that it points to. */
interface Placed extends Holder {
  readonly deployment: Deployment
  readonly keys: readonly string[]
  readonly places: readonly string[]
}

interface PlacedBatch extends Batch {
  readonly newcomers: readonly Placed[]
}

/** Each of one local time, in the order in which its rows are numbered. */
function batched(deployments: readonly Deployment[], firstMs: number): PlacedBatch[] {
  const batches: PlacedBatch[] = []
  for (let start = 0; start < deployments.length; start += maxDeployments) {
    batches.push({
      localMs: firstMs + batches.length,
      newcomers: deployments
        .slice(start, start + maxDeployments)
        .map(placed)
        .sort((a, b) => byText(a.entityId.toLowerCase(), b.entityId.toLowerCase())),
    })
  }
  return batches
}

function placed(deployment: Deployment): Placed {
  const { entityId, timestamp, type, pointers } = deployment
  const keys = [...new Set(pointers.map(pointerKey))]
  return { entityId, timestamp, deployment, keys, places: keys.map((key) => placeOf(type, key)) }
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function keysOf(batches: readonly PlacedBatch[]): string[] {
  return batches.flatMap(({ newcomers }) => newcomers.flatMap(({ keys }) => keys))
}

function numbered(
  batches: readonly PlacedBatch[],
  { fates }: Overwriting,
  lastId: number,
): Numbered[] {
  let id = lastId
  return batches.flatMap(({ localMs, newcomers }) =>
    newcomers.map(({ entityId, deployment }) => {
      const fate = fates.get(entityId)
      assert(fate !== undefined, 'every newcomer has a fate')
      assert(
        deployment.isComplete || fate.death !== null,
        'an entity without all of its content would be active',
      )
      return { id: ++id, localMs, deployment, fate }
    }),
  )
}

function deploymentWrites(rows: readonly Numbered[]): Write[] {
  return [
    { text: insertDeployments, rows: rows.map(rowOf) },
    { text: insertContent, rows: rows.flatMap(contentRows) },
  ]
}

function fileWrite(rows: readonly Numbered[]): BulkyWrite {
  const files = rows.map(({ id, deployment }) => ({ id, bytes: deployment.file }))
  return { text: insertFiles, rows: files }
}

function overwritingWrites(batches: readonly PlacedBatch[], outcome: Overwriting): Write[] {
  return [
    { text: raiseMarks, rows: raisedRows(batches, outcome.raised) },
    {
      text: takeMarks,
      rows: outcome.losses.map(({ entityId, lost, death }) => ({
        entity_id: entityId,
        lost,
        by_id: death.by.entityId,
        died_ms: death.diedMs,
      })),
    },
  ]
}

function raisedRows(
  batches: readonly PlacedBatch[],
  raised: ReadonlyMap<string, Holder>,
): object[] {
  return batches.flatMap(({ newcomers }) =>
    newcomers.flatMap(({ entityId, timestamp, deployment: { type }, keys }) =>
      keys.flatMap((pointer) =>
        raised.get(placeOf(type, pointer))?.entityId === entityId
          ? { pointer, type, entity_id: entityId, entity_ms: timestamp }
          : [],
      ),
    ),
  )
}

const raiseMarks = `insert into mark (pointer, type, entity_id, entity_ms)
  select r.pointer, r.type, r.entity_id, r.entity_ms
  from rows as r (pointer text, type text, entity_id text, entity_ms bigint) where true
  on conflict (pointer, type) do update
  set entity_id = excluded.entity_id, entity_ms = excluded.entity_ms`

/** Whoever is dead already stays as it is, but for its marks. */
const takeMarks = `update deployment set marks = marks - r.lost, is_active = 0,
    died_ms = coalesce(deployment.died_ms, r.died_ms),
    overwritten_by = coalesce(deployment.overwritten_by, r.by_id)
  from rows as r (entity_id text, lost bigint, by_id text, died_ms bigint)
  where deployment.entity_id = r.entity_id`

/** What is there already may have been lost from a disk: then it is there again. */
function blobWrite(blobs: readonly SmallBlob[], nowMs: number): BulkyWrite {
  return {
    text: `insert into small_blob (hash, size, stored_ms, bytes)
      select r.hash, r.size, ?1, r.bytes from rows as r (hash text, size bigint, bytes bytea)
      where true on conflict (hash) do nothing`,
    values: [nowMs],
    rows: blobs.map(({ hash, bytes }) => ({ hash, size: bytes.length, bytes })),
  }
}

function arrivalWrites(deployments: readonly Deployment[]): Write[] {
  if (deployments.length === 0) return []
  const ids = deployments.map(({ entityId }) => entityId)
  return [{ text: 'delete from failed_deployment where entity_id = any(?)', values: [ids] }]
}

function clockWrites(rows: readonly Numbered[]): Write[] {
  const last = rows.at(-1)
  if (last === undefined) return []
  const text = 'update content_clock set last_ms = ?, last_id = ?'
  return [{ text, values: [last.localMs, last.id] }]
}

/** What comes once more for somebody dead is let go once more. */
async function sweepAgain(
  tx: Transaction,
  effect: ContentEffect,
  known: ReadonlyMap<string, KnownRow>,
): Promise<void> {
  const swept = effect.deployments.flatMap(({ entityId }) =>
    known.get(entityId)?.is_swept === 1 ? entityId : [],
  )
  if (swept.length === 0 || effect.blobs.length === 0) return
  await tx.run('update deployment set is_swept = 0 where entity_id = any(?)', swept)
}

function deployedOf(
  deployments: readonly Deployment[],
  arrived: ReadonlyMap<string, number>,
  known: ReadonlyMap<string, KnownRow>,
): Deployed[] {
  const reported = new Set<string>()
  return deployments.map(({ entityId }) => {
    const localMs = arrived.get(entityId)
    const isNew = localMs !== undefined && !reported.has(entityId)
    reported.add(entityId)
    return { entityId, localMs: localMs ?? known.get(entityId)?.local_ms ?? 0, isNew }
  })
}
