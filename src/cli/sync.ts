import { Command } from 'commander'
import { durationMs } from '../app/config.ts'
import type { Core } from '../app/core.ts'
import type { Work } from '../app/work.ts'
import { SyncError } from '../base/errors.ts'
import { silentLog } from '../base/log.ts'
import type { Owner, SourceEntry, SourceStatus } from '../engine/registry.ts'
import { addTypedSource, typedSource, type SourceFlags } from './new-source.ts'
import { firstOwner, ownerNamed } from './owner.ts'
import { passwordOf, withPassword } from './password.ts'
import type { Setting } from './setting.ts'
import { waitForSource } from './source-wait.ts'
import { playingTime, printable, type Terminal } from './terminal.ts'
import { withCore } from './with-core.ts'

interface SyncFlags extends SourceFlags {
  readonly for?: string
  readonly full?: boolean
  readonly json?: boolean
  readonly patience: string
}

/** `roundelay sync [ADDRESS]` */
export function syncCommand(setting: Setting): Command {
  const command = new Command('sync')
    .description(
      'brings the library up to date with a drive, new or known; without an address with all drives of a user',
    )
    .argument('[address]', 'a folder, or the https:// address of a WebDAV server')
    .option('--for <name>', 'whose library (default: the only user there is)')
    .option('--name <name>', 'what a new source is called')
    .option('--interval <time>', 'how often `serve` looks for changes, like 15m or 6h', '15m')
    .option('--full', 'trust nothing that was remembered: list every folder again')
    .option('--patience <time>', 'how long to wait for a drive that went away', '5m')
    .option('--json', 'print one JSON object')
  return withPassword(command).action(async (address: string | undefined, flags: SyncFlags) => {
    await withCore(setting, (core) => sync(core, address, flags, setting.terminal))
  })
}

async function sync(
  core: Core,
  address: string | undefined,
  flags: SyncFlags,
  terminal: Terminal,
): Promise<void> {
  const startedMs = core.clock.elapsed()
  const owner = await ownerFor(core, address, flags.for)
  const sources =
    address === undefined
      ? await knownSources(core, owner)
      : [await typedOrNew(core, owner, { address, flags }, terminal)]
  for (const source of sources) await core.registry.ask(source.id, flags.full === true)
  const work = await workHere(core)
  try {
    const ended: SourceStatus[] = []
    const patienceMs = durationMs(flags.patience)
    for (const source of sources) {
      ended.push(await waitForSource(core, source, { patienceMs, terminal, work }))
    }
    const seconds = (core.clock.elapsed() - startedMs) / 1_000
    await report(core, { owner, ended, seconds, isJson: flags.json === true }, terminal)
  } finally {
    await work?.stop(0)
  }
}

/** Does the work here, unless another process does it already. */
async function workHere(core: Core): Promise<Work | null> {
  try {
    const { startWork } = await import('../app/work.ts')
    return await startWork(core, silentLog, {})
  } catch (error) {
    if (error instanceof SyncError && error.code === 'busy') return null
    throw error
  }
}

async function ownerFor(
  core: Core,
  address: string | undefined,
  name: string | undefined,
): Promise<Owner> {
  const { registry } = core
  const isFirst = (await registry.owners(1)).length === 0
  if (address === undefined || name !== undefined || !isFirst) return ownerNamed(core, name)
  return registry.addOwner(firstOwner, 'free')
}

async function knownSources(core: Core, owner: Owner): Promise<readonly SourceEntry[]> {
  const sources = await core.registry.sources(owner.id)
  if (sources.length > 0) return sources
  throw new SyncError('bad-input', `${owner.name} has no drive yet: roundelay sync ADDRESS.`)
}

async function typedOrNew(
  core: Core,
  owner: Owner,
  typed: { readonly address: string; readonly flags: SyncFlags },
  terminal: Terminal,
): Promise<SourceEntry> {
  const { flags } = typed
  const known = await typedSource(core, owner, typed)
  if (known === null) return addTypedSource(core, owner, typed, terminal)
  if (flags.passwordFile !== undefined || flags.passwordStdin === true) {
    const password = await passwordOf({ ...known.settings, ...flags }, terminal)
    if (password !== null) await core.registry.setPassword(known.id, password)
  }
  return known
}

interface Report {
  readonly owner: Owner
  readonly ended: readonly SourceStatus[]
  readonly seconds: number
  readonly isJson: boolean
}

async function report(core: Core, about: Report, terminal: Terminal): Promise<void> {
  const { owner, ended, seconds, isJson } = about
  const library = await core.catalogue.counts(owner.id)
  const isWell = ended.every(({ state, counts }) => state === 'waiting' && counts.failed === 0)
  if (!isWell) process.exitCode = 1
  if (isJson) {
    terminal.say(JSON.stringify({ user: owner.name, seconds, sources: ended, library }))
    return
  }
  for (const status of ended) await reportSource(core, status, terminal)
  const { tracks, albums, artists, durationMs: ms } = library
  terminal.say(
    `${owner.name}: ${tracks} tracks, ${albums} albums, ${artists} artists, ${playingTime(ms)} of music (${seconds.toFixed(1)} s)`,
  )
}

/** Files told of by name. */
const shownTroubles = 10

async function reportSource(core: Core, status: SourceStatus, terminal: Terminal): Promise<void> {
  const { counts, withheld, lastError, name } = status
  if (lastError !== null && status.state !== 'waiting') {
    terminal.complain(
      new SyncError('unavailable', `${name} is ${status.state}: ${lastError.message}`),
    )
  }
  if (withheld > 0) {
    terminal.say(
      `${name}: ${withheld} files are not there any more. Nothing is hidden until you say so: roundelay source confirm-deletions ${name}`,
    )
  }
  if (counts.skipped + counts.failed === 0) return
  terminal.say(`${name}: ${counts.skipped} files skipped, ${counts.failed} given up for now:`)
  for (const trouble of await core.registry.troubles(status.id, shownTroubles)) {
    terminal.say(`  ${printable(trouble.path)}: ${printable(trouble.message)}`)
  }
}
