/**
 * The scheduler: whether everybody gets a fair turn, and what that costs, beside queues that serve whoever came first,
 * beside one that was made fair by hand, and beside what is possible at all.
 */
import type { Bench, Options } from '../bench.ts'
import { failure } from '../race.ts'
import type { Finding } from '../table.ts'
import { entrants } from './entrants.ts'
import { type Figure, runHeats } from './heats.ts'
import { type Measure, type Ours, ours } from './ours.ts'
import { calculatedIdeal } from './peers/ideal.ts'
import { type RaceId, races } from './races.ts'
import { type PeerId, type RowId, type RowKind, rows, type Store } from './rows.ts'

export const scheduler: Bench = (options) => measure(ours, options)

export async function measure(side: Ours, options: Options): Promise<readonly Finding[]> {
  const figureOf = remembered(options)
  const findings: Finding[] = []
  for (const id of Object.keys(rows) as RowId[]) {
    if (options.rows !== null && !options.rows.includes(id)) continue
    const { race, stores }: RowKind = rows[id]
    for (const store of stores) {
      const line = (ours: Figure, peer: Peer | null): void =>
        void findings.push(lineOf(id, store, { ours, peer }))
      if (race === null) {
        line(await alone(side.rows[id], store, options), null)
        continue
      }
      const entrant = side.entrants[store]
      const raced = entrant === undefined ? notMeasured : await figureOf(entrant, race.id)
      for (const peer of race.peers) {
        line(raced, { name: nameOf(peer), figure: await figureOf(peer, race.id) })
      }
    }
  }
  return findings
}

const notMeasured: Figure = { value: null, reason: 'not measured' }

async function alone(
  measured: Measure | undefined,
  store: Store,
  options: Options,
): Promise<Figure> {
  if (measured === undefined) return notMeasured
  try {
    return { value: await measured(store, options), reason: null }
  } catch (error) {
    return { value: null, reason: failure(error) }
  }
}

type FigureOf = (id: PeerId, race: RaceId) => Promise<Figure>

/** Nobody runs the same race twice: a figure stands in several lines. */
function remembered(options: Options): FigureOf {
  const figures = new Map<string, Figure>()
  return async (id, raceId) => {
    const key = `${id} ${raceId}`
    const race = races[raceId]
    const figure =
      figures.get(key) ??
      (id === 'calculated'
        ? race.figure(calculatedIdeal(race.load))
        : await runHeats(id, race, options))
    figures.set(key, figure)
    return figure
  }
}

const nameOf = (id: PeerId): string =>
  id === 'calculated' ? 'ideal, calculated' : entrants[id].name

interface Peer {
  readonly name: string
  readonly figure: Figure
}

interface Sides {
  readonly ours: Figure
  readonly peer: Peer | null
}

function lineOf(id: RowId, store: Store, { ours, peer }: Sides): Finding {
  const { what, unit, better }: RowKind = rows[id]
  const reasons = [
    ours.reason === null ? [] : [`roundelay on ${store}: ${ours.reason}`],
    peer === null || peer.figure.reason === null ? [] : [`${peer.name}: ${peer.figure.reason}`],
  ].flat()
  return {
    id,
    what: `${what} (${store})`,
    value: ours.value,
    unit,
    peer: peer?.name ?? '',
    peerValue: peer?.figure.value ?? null,
    ...(better === undefined ? {} : { better }),
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
  }
}
