import { rowsOf, type Sql } from './sql.ts'
import type { TrackContent } from './track-content.ts'
import { shown, type TrackRow } from './track-rows.ts'

/**
 * Shown tracks of one folder and album whose tags name no album artist are looked at together: by one lead artist it
 * is his album, by several it is a compilation.
 */
export interface Group {
  readonly source_id: number
  readonly folder: string
  readonly album_key: string
  readonly release: string
}

/** The smallest and the greatest lead artist of a group; a group without tracks has none. */
export interface Leads {
  readonly least: string
  readonly greatest: string
}

/** The group a track belongs to, as one text; null: its tags say whose album it is. */
export function groupKey(track: TrackContent): string | null {
  return track.lead_key === null ? null : keyOf(track)
}

/** The groups these tracks belong to, each once. */
export function groupsOf(tracks: readonly TrackContent[]): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const track of tracks) {
    const key = groupKey(track)
    if (key === null) continue
    const { source_id, folder, album_key, release } = track
    groups.set(key, { source_id, folder, album_key, release })
  }
  return [...groups.values()]
}

/** By the key of the group. */
export async function leadsOf(
  sql: Sql,
  groups: readonly Group[],
): Promise<ReadonlyMap<string, Leads>> {
  if (groups.length === 0) return new Map()
  const rows = await sql.all<Group & { least: string | null; greatest: string }>(
    leadsSql,
    rowsOf(groups),
  )
  return new Map(
    rows.flatMap(({ least, greatest, ...group }) =>
      least === null ? [] : [[keyOf(group), { least, greatest }]],
    ),
  )
}

export async function membersOf(sql: Sql, groups: readonly Group[]): Promise<readonly TrackRow[]> {
  if (groups.length === 0) return []
  return sql.all<TrackRow>(membersSql, rowsOf(groups))
}

/** The groups that are compilations, with the further tracks that are about to be shown; by their keys. */
export function mixedGroups(
  leads: ReadonlyMap<string, Leads>,
  further: readonly TrackContent[] = [],
): ReadonlySet<string> {
  const all = new Map(
    [...leads].map(([key, { least, greatest }]) => [key, new Set([least, greatest])]),
  )
  for (const track of further) {
    const key = groupKey(track)
    if (key === null || track.lead_key === null) continue
    const known = all.get(key) ?? new Set()
    all.set(key, known.add(track.lead_key))
  }
  return new Set([...all].filter(([, names]) => names.size > 1).map(([key]) => key))
}

export function keyOf({ source_id, folder, album_key, release }: Group): string {
  return JSON.stringify([source_id, folder, album_key, release])
}

const groupColumns = 'r (source_id bigint, folder text, album_key text, release text)'
const inGroup = `track.source_id = r.source_id and track.folder = r.folder and track.album_key = r.album_key
  and track.release = r.release and track.state = ${shown} and track.lead_key is not null`

const leadsSql = `select r.source_id, r.folder, r.album_key, r.release,
    (select min(lead_key) from track where ${inGroup}) as least,
    (select max(lead_key) from track where ${inGroup}) as greatest
  from json_to_recordset(?) as ${groupColumns}`

const membersSql = `select track.* from json_to_recordset(?) as ${groupColumns} cross join track on ${inGroup}`
