import { DatabaseSync } from '@photostructure/sqlite'
import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'

/**
 * The right to do the work on a database: an exclusive transaction on a file of its own beside it, which the operating
 * system lets go when the process dies, however it dies.
 */
export class WorkLock {
  readonly #driver: InstanceType<typeof DatabaseSync>

  private constructor(driver: InstanceType<typeof DatabaseSync>) {
    this.#driver = driver
  }

  /** Throws `busy` when another process does the work; one that only looks, or is about to end, is waited for. */
  static async take(path: string, clock: Clock): Promise<WorkLock> {
    const endMs = clock.elapsed() + patienceMs
    for (;;) {
      const lock = WorkLock.tryTake(path)
      if (lock !== null) return lock
      if (clock.elapsed() >= endMs) break
      await clock.sleep(pauseMs)
    }
    throw new SyncError('busy', `Another process does the work on ${path.replace(/-lock$/, '')}.`)
  }

  /** Null when another process does the work. */
  static tryTake(path: string): WorkLock | null {
    const driver = new DatabaseSync(path)
    try {
      driver.exec('pragma busy_timeout = 0')
      driver.exec('begin exclusive')
      return new WorkLock(driver)
    } catch (error) {
      driver.close()
      if (isHeldByAnother(error)) return null
      throw error
    }
  }

  release(): void {
    this.#driver.close()
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED (https://sqlite.org/rescode.html). */
function isHeldByAnother(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false
  const code = Number(error.errcode) & 0xff
  return code === 5 || code === 6
}

/** So long the lock is waited for, and so long between two tries, in milliseconds. */
const patienceMs = 1_000
const pauseMs = 100
