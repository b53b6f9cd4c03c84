/** Processor time of a process and all that it has started, as the kernel of Linux tells it. */
import { readdir, readFile } from 'node:fs/promises'

/** A process as `/proc/<pid>/stat` has it. */
export interface ProcessLine {
  readonly parent: number
  /** User and system time of its own. */
  readonly ownMs: number
  /** The same of its children that have ended. */
  readonly endedMs: number
}

/** The name may hold anything, brackets and spaces included: what counts stands behind its last bracket. */
export function parseStat(stat: string): ProcessLine {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent = 0] = fields
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11)
  return {
    parent,
    ownMs: (user + system) * tickMs,
    endedMs: (endedUser + endedSystem) * tickMs,
  }
}

/** The kernel counts a hundred ticks a second. */
const tickMs = 10

export async function lineOf(pid: number): Promise<ProcessLine> {
  return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'))
}

/** Milliseconds so far of a process, its children that run, and those that have ended. */
export async function familyMs(pid: number): Promise<number> {
  const { ownMs, endedMs } = await lineOf(pid)
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  // Who ends meanwhile is counted with those that have ended, the next time.
  const lines = await Promise.all(pids.map((each) => lineOf(each).catch(() => null)))
  return lines.reduce(
    (total, line) => total + (line?.parent === pid ? line.ownMs : 0),
    ownMs + endedMs,
  )
}
