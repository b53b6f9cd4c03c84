/**
 * `npm run bench -- NAME [--json] [--seed N] [--tracks N] [--runs N] [--rows a,b] [--scale 0.01] [--peer URL]`; `--only` is
 * the same as `--rows`.
 */
import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'
import { machineLine, rowOf, tableOf } from './table.ts'

/** Loaded when asked for, so that one bench does not need what another one does. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  content: async () => (await import('./content/content.ts')).content,
  library: async () => (await import('./library.ts')).library,
  scheduler: async () => (await import('./scheduler/scheduler.ts')).scheduler,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    tracks: { type: 'string', default: '500' },
    runs: { type: 'string', default: '3' },
    rows: { type: 'string' },
    only: { type: 'string' },
    scale: { type: 'string', default: '1' },
    peer: { type: 'string' },
  },
})

const name = positionals[0] ?? ''
const load = Object.hasOwn(benches, name) ? benches[name] : undefined
if (load === undefined) {
  process.stderr.write(
    `There is no bench "${name}". There are: ${Object.keys(benches).join(', ')}.\n`,
  )
  process.exit(2)
}
const bench = await load()
const rows = values.only ?? values.rows
const findings = await bench({
  seed: count('seed', values.seed),
  tracks: count('tracks', values.tracks),
  runs: count('runs', values.runs),
  rows: rows?.split(',') ?? null,
  scale: share('scale', values.scale),
  peer: values.peer ?? null,
  note: (text) => void process.stderr.write(`${text}\n`),
})
if (findings.length === 0) {
  process.stderr.write(`The bench "${name}" has no row ${rows ?? ''}.\n`)
  process.exit(2)
}
const report = { bench: name, machine: machineLine(new Date()), rows: findings.map(rowOf) }
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : tableOf(report))

function count(option: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`--${option} must be a whole number above zero, not "${text}".\n`)
  return process.exit(2)
}

function share(option: string, text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 1) return value
  process.stderr.write(`--${option} must be above zero and at most 1, not "${text}".\n`)
  return process.exit(2)
}
