import { Command } from 'commander'
import { durationMs } from '../app/setting-text.ts'
import type { Core } from '../app/core.ts'
import { checkSource } from '../app/source-check.ts'
import { SyncError, asSyncError } from '../base/errors.ts'
import type { Owner, SourceEntry, SourceStatus } from '../engine/registry.ts'
import {
  checkedDrive,
  keepDrive,
  typedSource,
  usualInterval,
  type SourceFlags,
  type Typed,
} from './new-source.ts'
import { isShut } from './key.ts'
import { firstOwner, ownerNamed } from './owner.ts'
import { bringsPassword, passwordOf, withPassword } from './password.ts'
import { Progress } from './progress.ts'
import type { Setting } from './setting.ts'
import { waitForSource } from './source-wait.ts'
import { playingTime, printable, type Terminal } from './terminal.ts'
import { withCore } from './with-core.ts'
import { WorkHere } from './work-here.ts'

interface SyncFlags extends SourceFlags {
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
    .option(
      '--interval <time>',
      `how often \`serve\` looks for changes, like 15m or 6h (default for a new source: ${usualInterval})`,
    )
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
  const { owner, sources } =
    address === undefined
      ? await everyDrive(core, flags)
      : await typedDrive(core, { address, flags }, terminal)
  for (const source of sources) await core.registry.ask(source.id, flags.full === true)
  const work = new WorkHere(core)
  const interrupted = sayWhenInterrupted(terminal)
  try {
    const wait = { patienceMs: durationMs(flags.patience), progress: new Progress(terminal), work }
    const waits = await Promise.allSettled(
      sources.map((source) => waitForSource(core, source, wait)),
    )
    const ended = waits.flatMap((wait) => (wait.status === 'fulfilled' ? [wait.value] : []))
    const failures = waits.flatMap((wait) => (wait.status === 'rejected' ? [wait.reason] : []))
    if (ended.length > 0) {
      const seconds = (core.clock.elapsed() - startedMs) / 1_000
      await report(core, { owner, ended, seconds, isJson: flags.json === true }, terminal)
    }
    complainOf(failures, terminal)
  } finally {
    await work.stop()
    interrupted.forget()
  }
}

/** Ctrl-C ends the process as ever; who pressed it learns that nothing is lost. */
function sayWhenInterrupted(terminal: Terminal): { forget: () => void } {
  const stop = (): void => {
    terminal.note('Stopped. What has been read is kept; the next sync goes on from there.')
    process.kill(process.pid, 'SIGINT')
  }
  process.once('SIGINT', stop)
  return { forget: () => void process.off('SIGINT', stop) }
}

/** Each kind of trouble once: a disk that is full is full for every drive. */
function complainOf(failures: readonly unknown[], terminal: Terminal): void {
  const told = new Map(failures.map((failure) => [asSyncError(failure).message, failure]))
  for (const failure of told.values()) terminal.complain(failure)
  if (told.size > 0) process.exitCode = 1
}

/** Whose library is synced from where. */
interface Wanted {
  readonly owner: Owner
  readonly sources: readonly SourceEntry[]
}

async function everyDrive(core: Core, flags: SyncFlags): Promise<Wanted> {
  const { name, interval, user } = flags
  if (name !== undefined || interval !== undefined || user !== undefined || bringsPassword(flags)) {
    throw new SyncError(
      'bad-input',
      '--name, --interval, --user and passwords are for one drive: give its address as well.',
    )
  }
  const owner = await ownerNamed(core, flags.for)
  const sources = await core.registry.sources(owner.id)
  if (sources.length > 0) return { owner, sources }
  throw new SyncError('bad-input', `${owner.name} has no drive yet: roundelay sync ADDRESS.`)
}

/** The drive at the address that was typed; a new one is kept, and the first owner made, once it has answered. */
async function typedDrive(core: Core, typed: Typed, terminal: Terminal): Promise<Wanted> {
  const { flags } = typed
  const name = flags.for
  const isFirst = name === undefined && (await core.registry.owners(1)).length === 0
  const owner = isFirst ? null : await ownerNamed(core, name)
  const known = owner === null ? null : await typedSource(core, owner, typed)
  if (owner !== null && known !== null) {
    await renew(core, known, flags, terminal)
    return { owner, sources: [known] }
  }
  const drive = await checkedDrive(core, typed, terminal)
  const keeper = owner ?? (await core.registry.addOwner(firstOwner, 'free'))
  const isNamed = flags.name !== undefined
  return { owner: keeper, sources: [await keepDrive(core, keeper, drive, isNamed)] }
}

/** What was typed of a known source holds from now on; its name stays. */
async function renew(
  core: Core,
  known: SourceEntry,
  flags: SourceFlags,
  terminal: Terminal,
): Promise<void> {
  if (flags.name !== undefined && flags.name !== known.name) {
    throw new SyncError('bad-input', `This drive is a source already; its name is ${known.name}.`)
  }
  const intervalMs = flags.interval === undefined ? null : durationMs(flags.interval)
  if (bringsPassword(flags) || (await needsPassword(core, known, flags, terminal))) {
    const password = await passwordOf({ ...known.settings, ...flags }, terminal)
    if (password !== null) {
      // A slip of the finger must not lose the password that is good.
      await checkSource(core, known, password)
      await core.registry.setPassword(known.id, password)
    }
  }
  if (intervalMs !== null) await core.registry.setIntervalMs(known.id, intervalMs)
}

/** Whether the drive stands still for want of a password, or the key to it is lost, and somebody can be asked. */
async function needsPassword(
  core: Core,
  known: SourceEntry,
  flags: SourceFlags,
  terminal: Terminal,
): Promise<boolean> {
  if (!terminal.canAsk) return false
  if (flags.user !== undefined && (await isShut(core.registry, known.id))) return true
  const status = await core.registry.sourceStatus(known.id)
  if (status?.state !== 'stopped') return false
  return flags.user !== undefined || status.lastError?.code === 'auth'
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
  const reason = status.lastRound?.reason ?? null
  if (reason !== null) {
    terminal.say(
      `${name}: part of it could not be listed, so nothing was hidden: ${printable(reason.message)}`,
    )
  }
  if (counts.skipped + counts.failed === 0) return
  terminal.say(`${name}: ${counts.skipped} files skipped, ${counts.failed} given up for now:`)
  for (const trouble of await core.registry.troubles(status.id, shownTroubles)) {
    terminal.say(`  ${printable(trouble.path)}: ${printable(trouble.message)}`)
  }
}
