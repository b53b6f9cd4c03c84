/** What a bench found: rows that set us beside a peer, printed as a table or as one JSON object. */
import { availableParallelism, cpus, totalmem } from 'node:os'

export type Unit = 's' | 'ms' | 'B' | '/s' | '%' | ''

export interface Finding {
  /** Stays the same for ever: scripts look for it. */
  readonly id: string
  readonly what: string
  /** Null where it could not be had; `reason` says why. */
  readonly value: number | null
  readonly unit: Unit
  readonly peer: string
  readonly peerValue: number | null
  /** Seconds and bytes are better when there are less of them, which is the default; throughput when there is more. */
  readonly better?: 'less' | 'more'
  readonly reason?: string | undefined
  /** What is promised of the value, and whether it holds; absent where nothing is. */
  readonly reach?: Reach
  /** What somebody else is said to have done, which was not measured here. */
  readonly cited?: string
  /** What else there is to know, in a sentence. */
  readonly detail?: string
}

/** In the unit of the row. `met`: which of the two the value reaches. */
export interface Reach {
  readonly must: number
  readonly aim?: number
  readonly met: 'aim' | 'must' | 'no'
}

export interface Row {
  readonly id: string
  readonly what: string
  readonly value: number | null
  readonly unit: Unit
  readonly peer: string
  readonly peerValue: number | null
  /** How many times better ours is; null where one of the two is missing. */
  readonly ratio: number | null
  readonly reason?: string
  readonly reach?: Reach
  readonly cited?: string
  readonly detail?: string
}

export interface Report {
  readonly bench: string
  readonly machine: string
  readonly rows: readonly Row[]
}

/** A finding with its ratio, its numbers rounded to what the measurement bears. */
export function rowOf(finding: Finding): Row {
  const { id, what, value, unit, peer, peerValue, reason, reach, cited, detail } = finding
  const ratio = ratioOf(finding)
  return {
    id,
    what,
    value: rounded(value),
    unit,
    peer,
    peerValue: rounded(peerValue),
    ratio: rounded(ratio),
    ...(reason === undefined ? {} : { reason }),
    ...(reach === undefined ? {} : { reach }),
    ...(cited === undefined ? {} : { cited }),
    ...(detail === undefined ? {} : { detail }),
  }
}

/** The machine that the numbers hold for. */
export function machineLine(now: Date): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  return `${availableParallelism()} cores (${model}), ${gigabytes} GB, Node ${process.version}, ${now.toISOString().slice(0, 10)}`
}

/** The report for people: one line a row, columns aligned, reasons below. Promises have columns where there are any. */
export function tableOf(report: Report): string {
  const hasReach = report.rows.some(({ reach }) => reach !== undefined)
  const head = [
    '',
    'roundelay',
    'peer',
    '',
    'times better',
    ...(hasReach ? ['must', 'aim', ''] : []),
  ]
  const body = report.rows.map((row) => [
    `${row.id}: ${row.what}`,
    shown(row.value, row.unit),
    shown(row.peerValue, row.unit),
    row.peer === '' ? (row.cited ?? '') : row.peer,
    row.ratio === null ? '-' : `${row.ratio}x`,
    ...(hasReach ? reachCells(row) : []),
  ])
  const widths = head.map((_, column) =>
    Math.max(...[head, ...body].map((cells) => cells[column]?.length ?? 0)),
  )
  const lines = [head, ...body].map((cells) =>
    cells
      .map((cell, column) => aligned(cell, widths[column] ?? 0, column))
      .join('  ')
      .trimEnd(),
  )
  const reasons = report.rows.flatMap(({ id, reason, detail }) =>
    [reason, detail].flatMap((text) => (text === undefined ? [] : [`${id}: ${text}`])),
  )
  return [
    `${report.bench} on ${report.machine}`,
    '',
    ...lines,
    ...(reasons.length === 0 ? [] : ['', ...reasons]),
    '',
  ].join('\n')
}

function reachCells({ reach, unit }: Row): readonly string[] {
  if (reach === undefined) return ['', '', '']
  const { must, aim, met } = reach
  return [shown(must, unit), aim === undefined ? '' : shown(aim, unit), outcomes[met]]
}

const outcomes = { aim: 'aim reached', must: 'reached', no: 'NOT REACHED' } as const

function ratioOf({ value, peerValue, better }: Finding): number | null {
  if (value === null || peerValue === null) return null
  const [above, below] = better === 'more' ? [value, peerValue] : [peerValue, value]
  return below === 0 ? null : above / below
}

/** Three digits that mean something: more would be noise. */
function rounded(value: number | null): number | null {
  return value === null || Math.abs(value) >= 1000
    ? value && Math.round(value)
    : Number(value.toPrecision(3))
}

function shown(value: number | null, unit: Unit): string {
  if (value === null) return '-'
  if (unit === 'B' && value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)} MB`
  if (unit === 'B' && value >= 1000) return `${(value / 1000).toFixed(1)} kB`
  return `${value}${unit === '' || unit === '%' ? unit : ` ${unit}`}`
}

/** Names to the left, numbers to the right. */
function aligned(cell: string, width: number, column: number): string {
  return texts.has(column) ? cell.padEnd(width) : cell.padStart(width)
}

const texts: ReadonlySet<number> = new Set([0, 3, 7])
