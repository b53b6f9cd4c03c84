/** A node that has everything starts again: until it says that it keeps up, and has the one thing that came meanwhile. */
import type { BootstrapOptions } from './bootstrap.ts'
import { askJson, isCaughtUp, startNode, until } from './node.ts'

/** Seconds from the start of the process. */
export async function restart(
  { source, folder, ...options }: Omit<BootstrapOptions, 'count'>,
  missedId: string,
): Promise<number> {
  const start = performance.now()
  await using node = await startNode(folder, { ...options, peers: [source] })
  await until('Starting again', async () => {
    if (!(await isCaughtUp(node.base))) return false
    const found = await askJson(node.base, '/entities/active', { ids: [missedId] })
    return Array.isArray(found) && found.length === 1
  })
  return (performance.now() - start) / 1_000
}
