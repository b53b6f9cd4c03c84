import type { Clock } from '../../src/base/clock.ts'
import { MemoryDrive } from '../../src/drives/memory/memory-drive.ts'

export const owners = 12
export const drivesEach = 2
const files = 24
/** Milliseconds that a drive takes to answer: long enough for others to be in its way. */
const slowMs = 8

/**
 * The drives of every process: the same files and versions in each, so that whoever works on one finds what the others
 * found. Most have two folders: their last two list tasks end at about the same time.
 */
export function stressDrives(clock: Clock): readonly MemoryDrive[] {
  return Array.from({ length: owners * drivesEach }, (_, at) => {
    const isFeed = at % 5 === 4
    const drive = new MemoryDrive({
      clock,
      shape: isFeed ? 'feed' : 'tree',
      batchSize: 7,
      pageSize: 9,
    })
    const folders = at % 3 === 0 ? 6 : 2
    for (let n = 0; n < files; n++) {
      drive.put(`d${n % folders}/f${n}`, Buffer.from(`${n} of drive ${at}`))
    }
    drive.inject({ on: 'open', does: 'slow', ms: slowMs })
    drive.inject({ on: 'list', does: 'slow', ms: slowMs })
    return drive
  })
}

/** What people do to all drives halfway. */
export function changeDrives(drives: readonly MemoryDrive[]): void {
  for (const [at, drive] of drives.entries()) {
    const folders = at % 3 === 0 ? 6 : 2
    for (let n = 0; n < 6; n++) {
      drive.put(`d${n % folders}/f${n}`, Buffer.from(`${n} of drive ${at}, changed`))
    }
    drive.remove(`d${6 % folders}/f6`)
    drive.remove(`d${7 % folders}/f7`)
    for (let n = 0; n < 6; n++) drive.put(`new/${n}`, Buffer.from(`${n} of drive ${at}, new`))
  }
}

/** What is to be seen of a drive in the end, by key. */
export function expectedOf(at: number): Record<string, string> {
  const folders = at % 3 === 0 ? 6 : 2
  const all: Record<string, string> = {}
  for (let n = 0; n < files; n++) {
    const text = n < 6 ? `${n} of drive ${at}, changed` : `${n} of drive ${at}`
    if (n !== 6 && n !== 7) all[`d${n % folders}/f${n}`] = text
  }
  for (let n = 0; n < 6; n++) all[`new/${n}`] = `${n} of drive ${at}, new`
  return all
}

/** Versions that are read in all: each of them once. */
export const versionsInAll = owners * drivesEach * (files + 6 + 6)
