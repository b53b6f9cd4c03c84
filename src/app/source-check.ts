import { SyncError } from '../base/errors.ts'
import type { SourceEntry } from '../engine/registry.ts'
import type { Core } from './core.ts'

/** Asks a drive its cheapest question. Throws what it says, or `timeout`. */
export async function checkSource(
  core: Core,
  entry: SourceEntry,
  password: string | null,
): Promise<void> {
  const source = await core.openSource(entry, password)
  const controller = new AbortController()
  const late = new SyncError('timeout', `${entry.address} did not answer in time.`)
  const cancel = core.clock.after(core.policy.checkMs, () => controller.abort(late))
  try {
    await source.check(controller.signal)
  } catch (error) {
    throw controller.signal.aborted ? late : error
  } finally {
    cancel()
    await source.close()
  }
}
