import { Type, type Static } from 'typebox'
import type { Operations } from '../engine/operations.ts'
import type { Owner, SourceStatus } from '../engine/registry.ts'
import { ownerOf, type Directory } from './directory.ts'
import { list, nullable, oneOf, preset, ref, TimeMs, UserName } from './schema.ts'
import { maxWork, Work } from './work.ts'

/** Users in one answer. */
const maxUsers = 100
const presetUsers = 20
/** Sources shown of one user. */
const maxSources = 100

export const StatusQuery = Type.Object(
  {
    user: Type.Optional(
      Type.String({
        ...UserName,
        description: 'Only this user. Left out: all, by name, a page at a time.',
      }),
    ),
    after: Type.Optional(
      Type.String({ ...UserName, description: 'The `next` of the page before.' }),
    ),
    limit: preset(Type.Integer({ minimum: 1, maximum: maxUsers }), presetUsers),
  },
  { additionalProperties: false },
)
export type StatusQuery = Static<typeof StatusQuery>

export const Counts = Type.Object(
  {
    waiting: Type.Integer({ description: 'Owed, not in a slot.' }),
    running: Type.Integer({ description: 'In a slot now, listings included.' }),
    done: Type.Integer(),
    failed: Type.Integer({ description: 'Given up after too many attempts.' }),
    skipped: Type.Integer({ description: 'No good in their present version.' }),
  },
  { $id: 'Counts', description: 'Files, by what became of them.' },
)

export const SourceState = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    kind: Type.String({ description: '`folder`, `webdav` ...' }),
    address: Type.String(),
    state: oneOf('new', 'listing', 'waiting', 'resting', 'stopped', 'paused'),
    lastError: nullable(Type.Object({ code: Type.String(), message: Type.String(), atMs: TimeMs })),
    nextMs: nullable(
      Type.Integer({
        description:
          'Next try, in milliseconds since 1970; null while one is under way or a person is needed.',
      }),
    ),
    lastRound: nullable(
      Type.Object({
        outcome: Type.String(),
        endedMs: TimeMs,
        reason: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
      }),
    ),
    withheld: Type.Integer({
      description: 'Files that are gone and would be hidden if a person confirmed.',
    }),
    counts: ref(Counts),
  },
  { $id: 'Source', description: 'How a source is.' },
)

export const UserState = Type.Object(
  {
    name: Type.String(),
    plan: oneOf('free', 'premium'),
    counts: ref(Counts),
    sources: list(ref(SourceState), { description: `By name, at most ${maxSources}.` }),
  },
  { $id: 'User', description: 'How the sources of a user are.' },
)
type UserState = Static<typeof UserState>

export const Status = Type.Object(
  {
    users: list(ref(UserState)),
    work: ref(Work),
    next: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
  },
  {
    description: `Users by name, and what is going on: of the one that is asked for, or of everybody; at most ${maxWork} of each kind.`,
  },
)
export type Status = Static<typeof Status>

export interface StatusParts {
  readonly registry: Directory
  readonly operations: Pick<Operations, 'work'>
}

/** How the users and their sources are. Throws a Refusal when the user that is asked for is not there. */
export async function readStatus(
  { registry, operations }: StatusParts,
  query: StatusQuery,
): Promise<Status> {
  const { owners, next } =
    query.user === undefined
      ? await pageOf(registry, query)
      : { owners: [await ownerOf(registry, query.user)], next: {} }
  const users: UserState[] = []
  for (const owner of owners) {
    const user = await userState(registry, owner)
    if (user !== null) users.push(user)
  }
  const only = query.user === undefined ? null : (owners[0]?.id ?? null)
  return { users, work: await operations.work(only, maxWork), ...next }
}

/** One owner more than asked for tells that there is another page. */
async function pageOf(registry: Directory, { after, limit }: StatusQuery) {
  const owners = await registry.owners(limit + 1, after)
  const page = owners.slice(0, limit)
  const last = page.at(-1)
  const isMore = owners.length > limit && last !== undefined
  return { owners: page, next: isMore ? { next: last.name } : {} }
}

/** Null when he was removed in the meantime. */
async function userState(
  registry: Directory,
  { id, name, plan }: Owner,
): Promise<UserState | null> {
  const status = await registry.ownerStatus(id)
  if (status === null) return null
  const sources: SourceStatus[] = []
  for (const entry of (await registry.sources(id)).slice(0, maxSources)) {
    const source = await registry.sourceStatus(entry.id)
    if (source !== null) sources.push(source)
  }
  return { name, plan, counts: status.counts, sources }
}
