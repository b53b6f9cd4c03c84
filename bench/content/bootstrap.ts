/** A new node brings home all that another one has: from its start until everything is deployed. */
import { deployedCount, type NodeOptions, openFolder, startNode, until } from './node.ts'

export interface Bootstrap {
  /** From the start of the process. */
  readonly seconds: number
  /** User and system time of all threads of the new node, its start included. */
  readonly cpuMs: number
  readonly peakBytes: number
}

export interface BootstrapOptions extends Pick<NodeOptions, 'pollEvery'> {
  readonly source: string
  readonly folder: string
  readonly count: number
}

/** `folder` is where the new node keeps it; `isGood` looks at it before it ends. */
export async function bootstrap(
  { source, folder, count, ...options }: BootstrapOptions,
  isGood: (base: string) => Promise<void>,
): Promise<Bootstrap> {
  const start = performance.now()
  await using node = await startNode(folder, { ...options, peers: [source] })
  await until('A bootstrap', async () => (await deployedCount(node.base)) >= count)
  const seconds = (performance.now() - start) / 1_000
  const { cpuMs, peakBytes } = await node.usage()
  await isGood(node.base)
  return { seconds, cpuMs, peakBytes: peakBytes ?? 0 }
}

/** The same several times, each from nothing. */
export async function bootstraps(
  runs: number,
  { source, count }: { source: string; count: number },
  isGood: (base: string) => Promise<void>,
): Promise<readonly Bootstrap[]> {
  const found: Bootstrap[] = []
  for (let run = 0; run < runs; run++) {
    await using folder = await openFolder()
    found.push(await bootstrap({ source, folder: folder.path, count }, isGood))
  }
  return found
}
