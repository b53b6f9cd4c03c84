/** A module of ours in a process of its own, on a server of its own, with an empty folder. */
import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { plainEnvironment } from '../tools.ts'
import type { Ground } from './contestant.ts'
import { servers } from './servers.ts'

export interface Alone {
  /** Beside this file; its one message in is the question, its one message out the answer. */
  readonly module: 'heat-process.ts' | 'trial-process.ts'
  /** Whose process it is, for who is told that it ended. */
  readonly name: string
  readonly server: keyof typeof servers | null
  readonly question: (ground: Ground) => Serializable
  /** Milliseconds after which it is ended. */
  readonly longestMs: number
}

/** The answer; throws when the process ends before it. */
export async function runAlone({ server: kind, question, ...run }: Alone): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-scheduler-'))
  try {
    await using server = kind === null ? null : await servers[kind].start()
    return await inProcess(run, question({ url: server?.url ?? '', folder }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function inProcess(
  { module, name, longestMs }: Omit<Alone, 'server' | 'question'>,
  question: Serializable,
): Promise<unknown> {
  await using code = await bundled(module)
  const child = fork(code.path, [], {
    // The parent's loader is of no use to it.
    execArgv: [],
    env: plainEnvironment(),
    timeout: longestMs,
    killSignal: 'SIGKILL',
  })
  const exit = once(child, 'exit')
  try {
    child.send(question)
    return await Promise.race([answerOf(child), exit.then(([status]) => ended(name, status))])
  } finally {
    child.kill('SIGKILL')
    await exit
  }
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const [answer] = await once(child, 'message')
  return answer
}

function ended(name: string, status: unknown): never {
  throw new Error(`The process of ${name} ended (${String(status)}) before it was measured.`)
}

interface Bundle extends AsyncDisposable {
  readonly path: string
}

/**
 * Compiled as the product's command is, so that no loader stands between what is measured and Node. It lies where
 * Node finds the peers' packages.
 */
async function bundled(module: string): Promise<Bundle> {
  const cache = fileURLToPath(new URL('../.cache/', import.meta.url))
  await mkdir(cache, { recursive: true })
  const outdir = await mkdtemp(join(cache, 'scheduler-'))
  await build({
    entryPoints: [fileURLToPath(new URL(module, import.meta.url))],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is imported when it is needed stays apart: not every package is there.
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  return {
    path: join(outdir, basename(module, '.ts').concat('.mjs')),
    [Symbol.asyncDispose]: () => rm(outdir, { recursive: true, force: true }),
  }
}
