/**
 * One of our own modules as a process of its own, so that its work is not in the figures of anybody else. The child says
 * its port once, answers every message with its counters, and ends with its parent.
 */
import { fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Child<Counters> extends AsyncDisposable {
  readonly port: number
  readonly counters: () => Promise<Counters>
}

/** Starts `module` (a file beside this one) with `options` as its argument. */
export async function startChild<Counters>(
  module: string,
  options: object,
): Promise<Child<Counters>> {
  const path = fileURLToPath(new URL(module, import.meta.url))
  const child = fork(path, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] })
  const died = once(child, 'exit').then(() => {
    throw new Error(`${module} ended before it answered.`)
  })
  // In the end it always dies; only who waits for an answer wants to know.
  died.catch(() => undefined)
  const answer = async (): Promise<unknown> => {
    const [message] = await Promise.race([once(child, 'message'), died])
    return message
  }
  const { port } = (await answer()) as { readonly port: number }
  return {
    port,
    counters: async () => {
      child.send('counters')
      return (await answer()) as Counters
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

/** The child's half: `open` gets the options that its parent wrote. */
export async function beChild(
  open: (options: unknown) => Promise<{ readonly port: number; readonly counters: () => object }>,
): Promise<void> {
  const { port, counters } = await open(JSON.parse(process.argv[2] ?? '{}'))
  const tell = (message: Serializable): void => void process.send?.(message)
  process.on('message', () => tell(counters()))
  process.on('disconnect', () => process.exit(0))
  tell({ port })
}
