import type { Owner, Registry, SourceEntry } from '../engine/registry.ts'
import { Refusal } from './problem.ts'

/** What the face asks and does of owners and sources. */
export type Directory = Pick<
  Registry,
  | 'owner'
  | 'owners'
  | 'ownerStatus'
  | 'sources'
  | 'sourceStatus'
  | 'troubles'
  | 'ask'
  | 'setPaused'
  | 'confirmDeletions'
>

/** The owner that a request means: the one it names, or the only one there is. Throws a Refusal when that is nobody. */
export async function ownerOf(registry: Directory, name: string | undefined): Promise<Owner> {
  if (name !== undefined) {
    const owner = await registry.owner(name)
    if (owner === null) throw new Refusal('unknown-user', `There is no user "${name}".`)
    return owner
  }
  const [only, another] = await registry.owners(2)
  if (only === undefined) throw new Refusal('unknown-user', 'There is no user yet.')
  if (another !== undefined) {
    throw new Refusal('user-needed', 'There are several users, and the request names none.')
  }
  return only
}

/** A source of that owner. Throws a Refusal when he has none of this name. */
export async function sourceOf(
  registry: Directory,
  owner: Owner,
  name: string,
): Promise<SourceEntry> {
  const sources = await registry.sources(owner.id)
  const source = sources.find((each) => each.name === name)
  if (source === undefined) {
    throw new Refusal('unknown-source', `${owner.name} has no source "${name}".`)
  }
  return source
}
