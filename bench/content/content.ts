/**
 * Content nodes: how fast one takes up what another has, what it answers, what it costs. Both sides are ours and on this
 * machine; what another server did on such a one is quoted.
 */
import type { Bench, Options } from '../bench.ts'
import { failure } from '../race.ts'
import type { Finding } from '../table.ts'
import { deploy, followPeers, propagate } from './network-stages.ts'
import { oldAndNew, writeSnapshots } from './history-stages.ts'
import type { Findings, Measured, Stage, StageOptions } from './measured.ts'
import { missingNode } from './node.ts'
import { fewProfiles, manyProfiles } from './profiles-stage.ts'
import { reachOf } from './reach.ts'
import { type RowId, type RowKind, rows } from './rows.ts'
import { scaled } from './sizes.ts'

/** Each has nodes and folders of its own, and leaves nothing behind. */
const stages: readonly Stage[] = [
  { ids: ['bootstrap', 'bootstrap-cpu', 'contents', 'snapshots', 'changes-500'], run: fewProfiles },
  { ids: ['bootstrap-memory', 'restart'], run: manyProfiles },
  { ids: ['deploy'], run: deploy },
  { ids: ['propagation'], run: propagate },
  { ids: ['snapshot-1m'], run: writeSnapshots },
  { ids: ['peers'], run: followPeers },
  { ids: ['old-sync'], run: oldAndNew },
]

export const content: Bench = (options) => measure(stages, options, missingNode())

/** `missing`: why nothing can be measured; null: it can. */
export async function measure(
  sides: readonly Stage[],
  options: Options,
  missing: string | null,
): Promise<readonly Finding[]> {
  const { scale = 1, peer = null, runs, note } = options
  const wants = (id: RowId): boolean => options.rows === null || options.rows.includes(id)
  const asked: StageOptions = { sizes: scaled(scale), runs, peer, wants, note }
  const found = new Map<RowId, Measured | string>()
  for (const { ids, run } of sides) {
    const wanted = ids.filter(wants)
    if (wanted.length === 0) continue
    const outcome = missing ?? (await tried(run, asked))
    for (const id of wanted) {
      found.set(id, typeof outcome === 'string' ? outcome : (outcome[id] ?? 'not measured'))
    }
  }
  const ids = Object.keys(rows) as RowId[]
  return ids
    .filter(wants)
    .map((id) => lineOf(id, found.get(id) ?? 'not measured', { isWhole: scale === 1 }))
}

/** What was found, or why nothing was. The other rows are still worth having. */
async function tried(run: Stage['run'], options: StageOptions): Promise<Findings | string> {
  try {
    return await run(options)
  } catch (error) {
    return failure(error)
  }
}

function lineOf(
  id: RowId,
  measured: Measured | string,
  { isWhole }: { readonly isWhole: boolean },
): Finding {
  const kind: RowKind = rows[id]
  const { what, unit, better, cited } = kind
  const base = {
    id,
    what,
    unit,
    ...(better === undefined ? {} : { better }),
    ...(cited === undefined ? {} : { cited: `${cited} (Catalyst, cited)` }),
  }
  if (typeof measured === 'string') {
    return { ...base, value: null, peer: '', peerValue: null, reason: measured }
  }
  const { value, peer, detail } = measured
  // A part of it is no figure, and keeps no promise.
  const reach = isWhole ? reachOf(kind, measured) : null
  return {
    ...base,
    value,
    peer: peer?.name ?? '',
    peerValue: peer?.value ?? null,
    ...(reach === null ? {} : { reach }),
    ...(detail === undefined ? {} : { detail }),
  }
}
