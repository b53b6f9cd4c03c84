import type { Core } from '../app/core.ts'
import type { Setting } from './setting.ts'

/** Opens the stores for one command and closes them whatever happens. */
export async function withCore<T>(setting: Setting, work: (core: Core) => Promise<T>): Promise<T> {
  // Loaded when it is needed: help and version answer without it.
  const { openCore } = await import('../app/core.ts')
  const core = await openCore(setting.config())
  try {
    return await work(core)
  } finally {
    await core.close()
  }
}
