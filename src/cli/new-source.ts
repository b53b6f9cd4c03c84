import { SyncError } from '../base/errors.ts'
import { durationMs } from '../app/config.ts'
import type { Core } from '../app/core.ts'
import { checkSource } from '../app/source-check.ts'
import type { Owner, SourceEntry } from '../engine/registry.ts'
import { parseAddress } from './address.ts'
import { passwordOf, type PasswordFlags } from './password.ts'
import type { Terminal } from './terminal.ts'

export interface SourceFlags extends PasswordFlags {
  readonly name?: string
  readonly interval: string
}

/** A drive that an operator types is asked at once whether it answers; only then it is kept. Throws what the drive says. */
export async function addTypedSource(
  core: Core,
  owner: Owner,
  typed: { readonly address: string; readonly flags: SourceFlags },
  terminal: Terminal,
): Promise<SourceEntry> {
  const { kind, address, name } = parseAddress(typed.address)
  const { flags } = typed
  const password = await passwordOf(flags, terminal)
  const settings = {
    isOperators: true,
    ...(flags.user === undefined ? {} : { user: flags.user }),
  }
  const entry = {
    ownerId: owner.id,
    name: flags.name ?? (await freeName(core, owner, name)),
    kind,
    address,
    settings,
    intervalMs: durationMs(flags.interval),
  }
  await checkSource(core, { ...entry, id: 0 }, password)
  return core.registry.addSource({ ...entry, password })
}

/** The source of this owner at this address and with this user, if there is one already. */
export async function typedSource(
  core: Core,
  owner: Owner,
  typed: { readonly address: string; readonly flags: SourceFlags },
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
