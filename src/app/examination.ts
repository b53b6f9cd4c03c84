import { inWords } from '../base/duration.ts'
import { asSyncError } from '../base/errors.ts'
import { unsoundRows } from '../store/sql/soundness.ts'
import { attendance, leftBehind, type Attendance } from './attendance.ts'
import type { Core } from './core.ts'
import { checkSource } from './source-check.ts'
import type { ProcessStatus } from '../engine/operations.ts'
import type { SourceEntry } from '../engine/registry.ts'
import { sourceTitle } from './source-title.ts'

/** Something that was looked at. `note`: nothing is broken, and yet somebody wants to know. */
export interface Finding {
  readonly verdict: 'ok' | 'note' | 'trouble'
  readonly text: string
}

/** Users whose sources one visit to the doctor asks. */
const maxOwners = 1_000

/** Looks at data folder, database, key, and every drive. */
export async function examine(core: Core): Promise<readonly Finding[]> {
  return [
    { verdict: 'ok', text: `data folder: ${core.config.dataFolder}` },
    { verdict: 'ok', text: `Node ${process.versions.node}` },
    ...(await examineDatabase(core)),
    ...(await examineWork(core)),
    ...(await examineSources(core)),
    ...(await examineNode(core)),
  ]
}

/** What makes a content node is loaded only where there is one. */
async function examineNode(core: Core): Promise<readonly Finding[]> {
  if (core.content === null) return []
  const { examineContent } = await import('./content-examination.ts')
  return examineContent(core)
}

async function examineDatabase({ database }: Core): Promise<Finding[]> {
  const broken = database.damage()
  if (broken.length > 0) {
    return broken.map((line) => ({
      verdict: 'trouble',
      text: `the database file is damaged: ${line}`,
    }))
  }
  const unsound = await unsoundRows(database.sql)
  if (unsound.length === 0) {
    return [{ verdict: 'ok', text: `the database is sound: ${database.title}` }]
  }
  return unsound.map(({ rule, count }) => ({
    verdict: 'trouble',
    text: `${count} rows break a rule (${rule}): please report it`,
  }))
}

/** Processes that are looked at. */
const maxProcesses = 1_000

async function examineWork(core: Core): Promise<Finding[]> {
  const attended = await attendance(core)
  const processes = await core.operations.processes(maxProcesses)
  const left = leftBehind(processes, await core.database.sql.now())
  return [
    { verdict: verdictOn(attended, processes), text: attended.text },
    ...left.map((text) => ({ verdict: 'note' as const, text })),
    // Where nobody works, that is the trouble, and not the drives.
    ...(attended.state === 'nobody' ? [] : await examineStalls(core)),
  ]
}

function verdictOn(
  { isWell, state }: Attendance,
  processes: readonly ProcessStatus[],
): Finding['verdict'] {
  if (!isWell) return 'trouble'
  return state === 'works' && !processes.some(({ isPaused }) => isPaused) ? 'ok' : 'note'
}

async function examineStalls(core: Core): Promise<Finding[]> {
  const stalls = await core.tasks.stalls()
  const nowMs = await core.database.sql.now()
  return Promise.all(
    stalls.map(async ({ sourceId, sinceMs }) => ({
      verdict: 'trouble' as const,
      text: `the work of ${await sourceTitle(core, sourceId)} has not moved for ${inWords(nowMs - sinceMs)}: roundelay restart-stuck`,
    })),
  )
}

/** What of a source waits for a person, though it is well. */
async function unfinished({ registry }: Core, { id, name }: SourceEntry): Promise<string> {
  const status = await registry.sourceStatus(id)
  if (status === null) return ''
  const { withheld, counts } = status
  const skipped = counts.skipped + counts.failed
  const parts = [
    ...(withheld > 0
      ? [`${withheld} files are withheld: roundelay source confirm-deletions ${name}`]
      : []),
    ...(skipped > 0 ? [`${skipped} files could not be read: roundelay sync names them`] : []),
  ]
  return parts.map((part) => `; ${part}`).join('')
}

async function examineSources(core: Core): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const owner of await core.registry.owners(maxOwners)) {
    for (const entry of await core.registry.sources(owner.id)) {
      const name = `source ${entry.name} of ${owner.name}`
      try {
        await checkSource(core, entry, await core.registry.password(entry.id))
        findings.push({ verdict: 'ok', text: `${name} answers${await unfinished(core, entry)}` })
      } catch (error) {
        const { message, hint } = asSyncError(error)
        findings.push({ verdict: 'trouble', text: `${name}: ${message} ${hint}` })
      }
    }
  }
  return findings
}
