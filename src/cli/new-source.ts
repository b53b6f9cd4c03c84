import { SyncError } from '../base/errors.ts'
import { durationMs } from '../app/setting-text.ts'
import type { Core } from '../app/core.ts'
import { checkSource } from '../app/source-check.ts'
import type { NewSource, Owner, SourceEntry } from '../engine/registry.ts'
import { parseAddress } from './address.ts'
import { passwordOf, type PasswordFlags } from './password.ts'
import type { Terminal } from './terminal.ts'

export interface SourceFlags extends PasswordFlags {
  readonly for?: string
  readonly name?: string
  readonly interval?: string
}

/** How often a drive is looked at if nobody says otherwise. */
export const usualInterval = '15m'

/** What an operator typed of a drive. */
export interface Typed {
  readonly address: string
  readonly flags: SourceFlags
}

/** A drive that has answered, not kept yet. */
export type CheckedDrive = Omit<NewSource, 'ownerId'>

/** Asks the drive that an operator typed whether it answers. Throws what it says. */
export async function checkedDrive(
  core: Core,
  { address: text, flags }: Typed,
  terminal: Terminal,
): Promise<CheckedDrive> {
  const { kind, address, name } = parseAddress(text)
  const intervalMs = durationMs(flags.interval ?? usualInterval)
  const password = await passwordOf(flags, terminal)
  const settings = {
    isOperators: true,
    ...(flags.user === undefined ? {} : { user: flags.user }),
  }
  const drive = { name: flags.name ?? name, kind, address, settings, intervalMs }
  await checkSource(core, { ...drive, id: 0, ownerId: 0 }, password)
  return { ...drive, password }
}

/** Keeps a drive for its owner; `isNamed`: under exactly the name it has. */
export async function keepDrive(
  core: Core,
  owner: Owner,
  drive: CheckedDrive,
  isNamed: boolean,
): Promise<SourceEntry> {
  const name = isNamed ? drive.name : await freeName(core, owner, drive.name)
  return core.registry.addSource({ ...drive, name, ownerId: owner.id })
}

/** The source of this owner at this address and with this user, if there is one already. */
export async function typedSource(
  core: Core,
  owner: Owner,
  typed: Typed,
): Promise<SourceEntry | null> {
  const { kind, address } = parseAddress(typed.address)
  const sources = await core.registry.sources(owner.id)
  const { user } = typed.flags
  const same = sources.find(
    (each) =>
      each.kind === kind &&
      each.address === address &&
      (user ?? each.settings.user) === each.settings.user,
  )
  return same ?? null
}

/** Names tried for a source before its owner must give one. */
const maxNames = 100

async function freeName(core: Core, owner: Owner, wanted: string): Promise<string> {
  const taken = new Set((await core.registry.sources(owner.id)).map(({ name }) => name))
  for (let n = 1; n <= maxNames; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`
    if (!taken.has(name)) return name
  }
  throw new SyncError('bad-input', `Give the source a name of its own with --name.`)
}
