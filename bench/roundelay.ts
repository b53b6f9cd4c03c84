/** Ourselves, as a user would start us: the built command, in a process of its own, with a database of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Contestant, Run } from './contestant.ts'
import { fetchCovers, startServing, syncOnce } from './serving.ts'
import { plainEnvironment } from './tools.ts'

const command = fileURLToPath(new URL('../bin/roundelay.cjs', import.meta.url))
const usage = pathToFileURL(fileURLToPath(new URL('usage.mjs', import.meta.url))).href

/** Why we cannot take part, or null. */
export function missingRoundelay(): string | null {
  return existsSync(command) ? null : 'not built yet: npm run build'
}

export interface Roundelay extends Contestant {
  /** Syncs again by a command of its own, its start included. */
  readonly command: () => Promise<Run>
  /** Reads every cover of the library; how many bytes the pictures themselves have. */
  readonly covers: () => Promise<{ readonly pictureBytes: number }>
}

/** `tracks` is what must be in the library after a sync. */
export async function openRoundelay(url: string, tracks: number): Promise<Roundelay> {
  const data = await mkdtemp(join(tmpdir(), 'bench-roundelay-'))
  const sync = async (): Promise<Run> => {
    const { run, answer } = await measured(data, ['sync', url, '--json'])
    checkTracks(answer, tracks)
    return run
  }
  return {
    name: 'roundelay',
    first: sync,
    // MPD looks again inside the daemon that already runs; so do we.
    again: () => syncServed(data, tracks),
    command: sync,
    covers: async () => readCovers(data),
    [Symbol.asyncDispose]: () => rm(data, { recursive: true, force: true }),
  }
}

/** Whoever takes longer has hung. */
const longestCommandMs = 1_800_000

/** Runs one command to its end; its last line of output is JSON. */
async function measured(
  data: string,
  parameters: readonly string[],
): Promise<{ readonly run: Run; readonly answer: unknown }> {
  const file = join(data, 'usage.json')
  const start = performance.now()
  const child = spawn(
    process.execPath,
    ['--import', usage, command, '--data', data, ...parameters],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: longestCommandMs,
      env: { ...plainEnvironment(), BENCH_USAGE: file },
    },
  )
  const [output, complaint, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  const seconds = (performance.now() - start) / 1000
  if (code !== 0)
    throw new Error(
      `roundelay ${parameters.join(' ')} ended with ${String(code)}: ${complaint.slice(-2000)}`,
    )
  const used = JSON.parse(await readFile(file, 'utf8')) as Omit<Run, 'seconds'>
  return {
    run: { ...used, seconds },
    answer: JSON.parse(output.trim().split('\n').at(-1) ?? 'null'),
  }
}

/** A sync that skipped half would be too fast. */
function checkTracks(answer: unknown, tracks: number): void {
  const { library } = answer as { readonly library: { readonly tracks: number } }
  if (library.tracks === tracks) return
  throw new Error(`roundelay has ${library.tracks} of ${tracks} tracks.`)
}

async function syncServed(data: string, tracks: number): Promise<Run> {
  await using serving = await startServing(command, data)
  // MPD's daemon has brought this drive home itself; ours has at least seen it.
  await syncOnce(serving.url)
  const before = await serving.usage()
  const { seconds, found } = await syncOnce(serving.url)
  if (found !== tracks) throw new Error(`roundelay has ${found} of ${tracks} tracks.`)
  const { cpuMs, peakBytes } = await serving.usage()
  return { seconds, cpuMs: cpuMs - before.cpuMs, peakBytes }
}

async function readCovers(data: string): Promise<{ readonly pictureBytes: number }> {
  await using serving = await startServing(command, data)
  return { pictureBytes: await fetchCovers(serving.url) }
}
