import { asSyncError } from '../base/errors.ts'
import { hasNodes } from '../store/sql/nodes.ts'
import { unsoundRows } from '../store/sql/soundness.ts'
import type { Core } from './core.ts'
import { checkSource } from './source-check.ts'
import type { SourceEntry } from '../engine/registry.ts'
import { sourceTitle } from './source-title.ts'

/** Something that was looked at. */
export interface Finding {
  readonly isWell: boolean
  readonly text: string
}

/** Users whose sources one visit to the doctor asks. */
const maxOwners = 1_000

/** Looks at data folder, database, key, and every drive. */
export async function examine(core: Core): Promise<readonly Finding[]> {
  return [
    { isWell: true, text: `data folder: ${core.config.dataFolder}` },
    { isWell: true, text: `Node ${process.versions.node}` },
    ...(await examineDatabase(core)),
    await examineWork(core),
    ...(await examineStalls(core)),
    ...(await examineSources(core)),
  ]
}

async function examineDatabase({ database }: Core): Promise<Finding[]> {
  const broken = database.damage()
  if (broken.length > 0) {
    return broken.map((line) => ({ isWell: false, text: `the database file is damaged: ${line}` }))
  }
  const unsound = await unsoundRows(database.sql)
  if (unsound.length === 0) {
    return [{ isWell: true, text: `the database is sound: ${database.title}` }]
  }
  return unsound.map(({ rule, count }) => ({
    isWell: false,
    text: `${count} rows break a rule (${rule}): please report it`,
  }))
}

async function examineWork(core: Core): Promise<Finding> {
  const text = (await isWorkDone(core))
    ? 'a process does the work on this database'
    : 'no process does the work now; roundelay serve or sync would'
  return { isWell: true, text }
}

/** Whether some process does the work now. */
export async function isWorkDone({ database }: Core): Promise<boolean> {
  if (database.sql.isShared) return hasNodes(database.sql)
  const right = await database.tryTakeWork()
  right?.release()
  return right === null
}

async function examineStalls(core: Core): Promise<Finding[]> {
  const stalls = await core.tasks.stalls()
  return Promise.all(
    stalls.map(async ({ sourceId }) => ({
      isWell: false,
      text: `the work of ${await sourceTitle(core, sourceId)} does not move: is a server running?`,
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
        findings.push({ isWell: true, text: `${name} answers${await unfinished(core, entry)}` })
      } catch (error) {
        const { message, hint } = asSyncError(error)
        findings.push({ isWell: false, text: `${name}: ${message} ${hint}` })
      }
    }
  }
  return findings
}
