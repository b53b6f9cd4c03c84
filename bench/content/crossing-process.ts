/** Crossings in a process of their own: `target` is the node's port, `count` how many ways lead to it. */
import { beChild } from '../child.ts'
import { Crossing } from './crossing.ts'

await beChild(async (options) => {
  // Written by whoever starts this.
  const { target, count } = options as { readonly target: number; readonly count: number }
  const crossing = new Crossing(target)
  const ports = await crossing.open(count)
  return { port: ports[0] ?? 0, counters: () => ({ ports, traffic: crossing.counters }) }
})
