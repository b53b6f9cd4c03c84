import type { Core, CoreOptions } from '../app/core.ts'
import { sayFirstKey } from './first-key.ts'
import type { Setting } from './setting.ts'

/** A command must get through where the processes that serve have taken nearly all that a database server bears. */
const maxConnections = 2

/** Opens the stores for one command and closes them whatever happens. */
export async function withCore<T>(
  setting: Setting,
  work: (core: Core) => Promise<T>,
  options: CoreOptions = {},
): Promise<T> {
  // Loaded when it is needed: help and version answer without it.
  const { openCore } = await import('../app/core.ts')
  const config = setting.config()
  const connections = Math.min(config.connections, maxConnections)
  const core = await openCore({ ...config, connections }, options)
  try {
    sayFirstKey(core, setting)
    return await work(core)
  } finally {
    await core.close()
  }
}
