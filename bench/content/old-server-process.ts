/** The old server in a process of its own: `folder` is the data folder of the node beside it. */
import { beChild } from '../child.ts'
import { startOldServer } from './old-server.ts'

await beChild(async (options) => {
  // Written by whoever starts this.
  const { folder } = options as { readonly folder: string }
  return { port: await startOldServer(folder), counters: () => ({}) }
})
