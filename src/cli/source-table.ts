import type { Core } from '../app/core.ts'
import type { Owner, SourceStatus } from '../engine/registry.ts'
import { printable, table } from './terminal.ts'

/** The sources of a user, one a line. */
export async function sourceTable(core: Core, owner: Owner): Promise<string> {
  const entries = await core.registry.sources(owner.id)
  if (entries.length === 0) return `${owner.name} has no source yet: roundelay source add ADDRESS`
  const rows: string[][] = [
    ['source', 'state', 'read', 'to do', 'skipped', 'failed', 'next', 'address'],
  ]
  for (const { id } of entries) {
    const status = await core.registry.sourceStatus(id)
    if (status !== null) rows.push(...lines(status, core.clock.now()))
  }
  return table(rows)
}

function lines(status: SourceStatus, nowMs: number): string[][] {
  const { counts, lastError, nextMs, withheld } = status
  const line = [
    status.name,
    status.state,
    String(counts.done),
    String(counts.waiting + counts.running),
    String(counts.skipped),
    String(counts.failed),
    nextMs === null ? '-' : inWords(nextMs - nowMs),
    printable(status.address),
  ]
  const remarks: string[] = []
  if (lastError !== null) remarks.push(`${lastError.code}: ${lastError.message}`)
  const reason = status.lastRound?.reason ?? null
  if (reason !== null) remarks.push(`part of it could not be listed: ${reason.message}`)
  if (withheld > 0)
    remarks.push(`${withheld} files withheld: roundelay source confirm-deletions ${status.name}`)
  return [line, ...remarks.map((remark) => ['', '', '', '', '', '', '', printable(remark)])]
}

function inWords(ms: number): string {
  if (ms <= 0) return 'now'
  const minutes = Math.round(ms / 60_000)
  if (minutes < 1) return 'in seconds'
  return minutes < 120 ? `in ${minutes} min` : `in ${Math.round(minutes / 60)} h`
}
