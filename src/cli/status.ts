import { Command } from 'commander'
import { attendance, leftBehind } from '../app/attendance.ts'
import type { Core } from '../app/core.ts'
import { sourceTitle } from '../app/source-title.ts'
import { inWords } from '../base/duration.ts'
import type { WorkStatus } from '../engine/operations.ts'
import type { Owner } from '../engine/registry.ts'
import type { Setting } from './setting.ts'
import { sourceTable } from './source-table.ts'
import { ownerNamed } from './owner.ts'
import { playingTime, printable } from './terminal.ts'
import { withCore } from './with-core.ts'
import { workTables } from './work-table.ts'

/** Users, and slots, lanes, drives and tasks, told of in one status. */
const maxShown = 100

/** `roundelay status` */
export function statusCommand(setting: Setting): Command {
  return new Command('status')
    .description('every library, its drives, and what is going on')
    .option('--for <name>', 'only of this user')
    .option('--json', 'print one JSON object')
    .action(async (flags: { for?: string; json?: boolean }) => {
      const text = await withCore(setting, (core) =>
        flags.json === true ? asJson(core, flags.for) : asText(core, flags.for),
      )
      setting.terminal.say(text)
    })
}

async function asText(core: Core, name: string | undefined): Promise<string> {
  const owners = await shownOwners(core, name)
  if (owners.length === 0) return 'There is no library yet: begin with roundelay sync FOLDER.'
  const parts: string[] = []
  for (const owner of owners) {
    const { tracks, albums, artists, durationMs } = await core.catalogue.counts(owner.id)
    parts.push(
      `${owner.name} (${owner.plan}): ${tracks} tracks, ${albums} albums, ${artists} artists, ${playingTime(durationMs)}`,
      `${await sourceTable(core, owner)}\n`,
    )
  }
  const nowMs = await core.database.sql.now()
  const work = await workOf(core, name, owners)
  const { state, text } = await attendance(core)
  parts.push(text, ...leftBehind(work.processes, nowMs).map(printable), ...workTables(work, nowMs))
  // Where nobody works, that is what to mend.
  const stalls = state === 'nobody' ? [] : await core.tasks.stalls()
  for (const { sourceId, sinceMs } of stalls) {
    const title = await sourceTitle(core, sourceId)
    parts.push(`${title} has stood still for ${inWords(nowMs - sinceMs)}: roundelay restart-stuck`)
  }
  return parts.join('\n')
}

async function asJson(core: Core, name: string | undefined): Promise<string> {
  const owners = await shownOwners(core, name)
  const users = await Promise.all(
    owners.map(async (owner) => {
      const entries = await core.registry.sources(owner.id)
      const sources = await Promise.all(entries.map(({ id }) => core.registry.sourceStatus(id)))
      const library = await core.catalogue.counts(owner.id)
      return { user: owner.name, plan: owner.plan, library, sources }
    }),
  )
  const work = await workOf(core, name, owners)
  const { state, text } = await attendance(core)
  const stalls = await core.tasks.stalls()
  return JSON.stringify({ users, attendance: { state, text }, stalls, work })
}

/** What is going on: of everybody, or of the one user that is named. */
function workOf(
  { operations }: Core,
  name: string | undefined,
  [owner]: readonly Owner[],
): Promise<WorkStatus> {
  return operations.work(name === undefined ? null : (owner?.id ?? null), maxShown)
}

async function shownOwners(
  core: Core,
  name: string | undefined,
): ReturnType<Core['registry']['owners']> {
  return name === undefined ? core.registry.owners(maxShown) : [await ownerNamed(core, name)]
}
