import { Command } from 'commander'
import type { Core } from '../app/core.ts'
import { checkSource } from '../app/source-check.ts'
import type { Owner, SourceEntry, SourceStatus } from '../engine/registry.ts'
import { checkedDrive, keepDrive, usualInterval, type SourceFlags } from './new-source.ts'
import { ownerNamed, sourceNamed } from './owner.ts'
import { withPassword } from './password.ts'
import type { Setting } from './setting.ts'
import { sourceTable } from './source-table.ts'
import { printable, type Terminal } from './terminal.ts'
import { withCore } from './with-core.ts'

interface ForFlag {
  readonly for?: string
}

const forText = 'whose source (default: the only user there is)'

/** `roundelay source add|list|remove|check|sync|pause|resume|restart|confirm-deletions` */
export function sourceCommand(setting: Setting): Command {
  const source = new Command('source').description('the drives that music comes from')
  source.addCommand(addCommand(setting))
  source.addCommand(listCommand(setting))
  source.addCommand(
    namedCommand(
      setting,
      'remove',
      'forgets a drive and its part of the library; the drive itself is not touched',
      {
        act: (core, _owner, entry) => remove(core, entry, setting.terminal),
        said: (name, left) => saidOfRemoval(name, left),
      },
    ),
  )
  source.addCommand(
    namedCommand(setting, 'check', 'asks the drive whether address and password are good', {
      act: async (core, _owner, entry) =>
        checkSource(core, entry, await core.registry.password(entry.id)),
      said: (name) => `${name} answers.`,
    }),
  )
  source.addCommand(
    namedCommand(
      setting,
      'sync',
      'has the drive listed as soon as possible by the running server',
      {
        act: async (core, _owner, entry, flags) => {
          await core.registry.ask(entry.id, flags.full === true)
          const status = await core.registry.sourceStatus(entry.id)
          if (status?.state === 'paused') return 'paused'
          const { isWorked } = await import('../app/store-database.ts')
          return (await isWorked(core.database)) ? 'now' : 'later'
        },
        said: (name, when) => saidOfSync(name, when),
      },
    ).option('--full', 'trust nothing that was remembered: list every folder again'),
  )
  addHolds(source, setting)
  source.addCommand(
    namedCommand(
      setting,
      'confirm-deletions',
      'hides the files that are withheld because so many vanished at once',
      {
        act: (core, _owner, entry) => core.registry.confirmDeletions(entry.id),
        said: (name, files) =>
          files === 0
            ? `Nothing of ${name} is withheld.`
            : `${String(files)} files of ${name} are hidden after the next listing, if they are still missing.`,
      },
    ),
  )
  return source
}

/** What stops the work on a drive, and what sets it going again. */
function addHolds(source: Command, setting: Setting): void {
  source.addCommand(
    namedCommand(setting, 'pause', 'leaves the drive alone until it is resumed', {
      act: (core, _owner, entry) => core.registry.setPaused(entry.id, true),
      said: (name) => `${name} is paused: its library stays as it is.`,
    }),
  )
  source.addCommand(
    namedCommand(setting, 'resume', 'goes on with a drive that was paused', {
      act: async (core, _owner, entry) => {
        const status = await core.registry.sourceStatus(entry.id)
        await core.registry.setPaused(entry.id, false)
        return status?.state === 'paused'
      },
      said: (name, wasPaused) =>
        wasPaused === true ? `${name} goes on.` : `${name} was not paused: nothing has changed.`,
    }),
  )
  source.addCommand(
    namedCommand(
      setting,
      'restart',
      'gives up what is being done with the drive, forgets its failures and lists all of it again',
      {
        act: async (core, _owner, entry) => {
          const before = await core.registry.sourceStatus(entry.id)
          await core.operations.restart(entry.id)
          const { isWorked } = await import('../app/store-database.ts')
          return { before, isWorked: await isWorked(core.database) }
        },
        said: (name, done) => saidOfRestart(name, done as Restart),
      },
    ),
  )
}

/** Whatever the drive has left in the database goes here and now, unless a server runs that has all the time for it. */
async function remove(core: Core, { id, name }: SourceEntry, terminal: Terminal): Promise<boolean> {
  await core.registry.removeSource(id)
  const { isWorked } = await import('../app/store-database.ts')
  if (await isWorked(core.database)) return true
  const { clearRemoved } = await import('../app/clearing.ts')
  await clearRemoved(core, {
    told: (rows) => terminal.show(`${name}: ${rows} rows are cleared away`),
  })
  return false
}

function saidOfRemoval(name: string, isLeft: unknown): string {
  return isLeft === true
    ? `${name} is forgotten; the server clears away what it had in the database.`
    : `${name} is forgotten.`
}

interface Restart {
  /** How it was before. */
  readonly before: SourceStatus | null
  readonly isWorked: boolean
}

function saidOfRestart(name: string, { before, isWorked }: Restart): string {
  const lines = [
    `${name} is ${whenListed(name, before?.state === 'paused', isWorked)}`,
    'What has been read of it stays.',
  ]
  const trouble = before?.lastError ?? null
  if (trouble !== null) lines.push(`Its trouble so far: ${printable(trouble.message)}`)
  return lines.join('\n')
}

function whenListed(name: string, isPaused: boolean, isWorked: boolean): string {
  if (isPaused)
    return `paused, and listed from its beginning once it goes on: roundelay source resume ${name}`
  return isWorked
    ? 'asked for now, and listed from its beginning if it answers: roundelay status'
    : 'listed from its beginning as soon as a server runs (roundelay serve), or by: roundelay sync'
}

function saidOfSync(name: string, when: unknown): string {
  if (when === 'paused')
    return `${name} is paused, and listed once it goes on: roundelay source resume ${name}`
  if (when === 'now') return `${name} is listed now: roundelay status`
  return `${name} is listed as soon as a server runs (roundelay serve), or by: roundelay sync`
}

function addCommand(setting: Setting): Command {
  const command = new Command('add')
    .description('adds a drive: a folder, or a WebDAV server')
    .argument('<address>', 'a folder, or an https:// address')
    .option('--for <name>', forText)
    .option('--name <name>', 'what the source is called (default: from the address)')
    .option('--interval <time>', 'how often to look for changes, like 15m or 6h', usualInterval)
  return withPassword(command).action(async (address: string, flags: SourceFlags) => {
    const entry = await withCore(setting, async (core) => {
      const owner = await ownerNamed(core, flags.for)
      const drive = await checkedDrive(core, { address, flags }, setting.terminal)
      return keepDrive(core, owner, drive, flags.name !== undefined)
    })
    const forUser = flags.for === undefined ? '' : ` --for ${flags.for}`
    setting.terminal.say(
      `Added ${entry.name}. A running server begins at once; else: roundelay sync${forUser}`,
    )
  })
}

function listCommand(setting: Setting): Command {
  return new Command('list')
    .description('the drives of a user, how they are and when they are listed next')
    .option('--for <name>', forText)
    .action(async (flags: ForFlag) => {
      const text = await withCore(setting, async (core) => {
        const owner = await ownerNamed(core, flags.for)
        return sourceTable(core, owner)
      })
      setting.terminal.say(text)
    })
}

interface Action {
  readonly act: (
    core: Core,
    owner: Owner,
    entry: SourceEntry,
    flags: { readonly full?: boolean },
  ) => Promise<unknown>
  readonly said: (name: string, result: unknown) => string
}

/** A command that does one thing to one source. */
function namedCommand(
  setting: Setting,
  verb: string,
  description: string,
  { act, said }: Action,
): Command {
  return new Command(verb)
    .description(description)
    .argument('<name>', 'of the source')
    .option('--for <name>', forText)
    .action(async (name: string, flags: ForFlag & { full?: boolean }) => {
      const result = await withCore(setting, async (core) => {
        const owner = await ownerNamed(core, flags.for)
        return act(core, owner, await sourceNamed(core, owner, name), flags)
      })
      setting.terminal.say(said(name, result))
    })
}
