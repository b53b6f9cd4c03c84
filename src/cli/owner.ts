import { SyncError } from '../base/errors.ts'
import type { Core } from '../app/core.ts'
import type { Owner, SourceEntry } from '../engine/registry.ts'

/** Whose library is meant when nobody is named and there is none yet. */
export const firstOwner = 'me'

/** The user that is named, or the only one there is. Throws `bad-input`. */
export async function ownerNamed({ registry }: Core, name: string | undefined): Promise<Owner> {
  if (name !== undefined) {
    const owner = await registry.owner(name)
    if (owner !== null) return owner
    throw new SyncError('bad-input', `There is no user named ${name}: roundelay user list.`)
  }
  const [first, second] = await registry.owners(2)
  if (first === undefined) {
    throw new SyncError('bad-input', 'There is no library yet: begin with roundelay sync FOLDER.')
  }
  if (second === undefined) return first
  throw new SyncError('bad-input', 'There are several users: say whose library with --for NAME.')
}

/** The source of this name. Throws `bad-input`. */
export async function sourceNamed(core: Core, owner: Owner, name: string): Promise<SourceEntry> {
  const sources = await core.registry.sources(owner.id)
  const source = sources.find((each) => each.name === name)
  if (source !== undefined) return source
  throw new SyncError(
    'bad-input',
    `${owner.name} has no source named ${name}: roundelay source list --for ${owner.name}.`,
  )
}
