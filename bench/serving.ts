/** Ourselves as a server over a library that is there already: what a page would ask for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { plainEnvironment } from './tools.ts'

export interface Serving extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string
  /** User and system time so far, and the most memory that was resident. */
  readonly usage: () => Promise<{ readonly cpuMs: number; readonly peakBytes: number | null }>
}

/** Starts `roundelay serve` (`command` is its script) on a free port, and waits until it answers. */
export async function startServing(
  command: string,
  data: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const child = spawn(process.execPath, [command, '--data', data, '--port', '0', 'serve'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...plainEnvironment(), ...settings },
  })
  return {
    url: await addressOf(child),
    usage: () => usageOf(child.pid ?? 0),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Asks for one round of the only source there is, as a person would, and waits until it has ended clean. */
export async function syncOnce(url: string): Promise<{ seconds: number; found: number }> {
  const [before] = await sourcesOf(url)
  if (before === undefined) throw new Error('roundelay serve has no source.')
  const start = performance.now()
  const asked = await fetch(new URL(`api/users/me/sources/${before.name}/sync`, url), {
    method: 'POST',
  })
  if (!asked.ok) throw new Error(`Asking for a round was answered with ${asked.status}.`)
  for (let looks = 0; looks < maxLooks; looks++) {
    const [source] = await sourcesOf(url)
    if (source?.lastRound?.endedMs !== before.lastRound?.endedMs) {
      const seconds = (performance.now() - start) / 1000
      if (source?.lastRound?.outcome !== 'clean') throw new Error('The round did not end clean.')
      return { seconds, found: await trackCount(url) }
    }
    await sleep(lookMs)
  }
  throw new Error('The round did not end.')
}

/** How often it is looked whether a round has ended, and at most so often. */
const lookMs = 20
const maxLooks = 30_000

interface ServedSource {
  readonly name: string
  readonly counts: { readonly done: number }
  readonly lastRound: { readonly outcome: string; readonly endedMs: number } | null
}

async function sourcesOf(url: string): Promise<readonly ServedSource[]> {
  const answer = await fetch(new URL('api/status', url))
  if (!answer.ok) throw new Error(`The status was answered with ${answer.status}.`)
  const { users } = (await answer.json()) as {
    readonly users: readonly { readonly sources: readonly ServedSource[] }[]
  }
  return users.flatMap(({ sources }) => sources)
}

/** Kernel ticks a second, in which /proc tells processor time. */
const ticks = 100

/** As the kernel tells of a process that still runs. */
async function usageOf(pid: number): Promise<{ cpuMs: number; peakBytes: number | null }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const cpuMs = ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks
  const peak = /VmHWM:\s+(\d+) kB/u.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuMs, peakBytes: peak === undefined ? null : Number(peak) * 1024 }
}

/** Bytes of all the pictures of the library, each fetched once. */
export async function fetchCovers(url: string): Promise<number> {
  const ids = await coverIds(url)
  const left = ids.values()
  let bytes = 0
  const fetcher = async (): Promise<void> => {
    for (const id of left) {
      const answer = await fetch(new URL(`api/covers/${id}`, url))
      const picture = await answer.arrayBuffer()
      if (!answer.ok) throw new Error(`Cover ${id} was answered with ${answer.status}.`)
      bytes += picture.byteLength
    }
  }
  await Promise.all(Array.from({ length: coversAtATime }, fetcher))
  return bytes
}

/** As many as a browser opens connections to one server. */
const coversAtATime = 6
/** The most that the API gives on one page. */
const tracksAPage = 100

async function coverIds(url: string): Promise<ReadonlySet<number>> {
  const ids = new Set<number>()
  for await (const { tracks } of pagesOf(url)) {
    for (const { coverId } of tracks) if (coverId !== null) ids.add(coverId)
  }
  return ids
}

async function* pagesOf(url: string): AsyncGenerator<TrackPage> {
  let after: string | undefined
  do {
    const address = new URL(`api/tracks?limit=${tracksAPage}`, url)
    if (after !== undefined) address.searchParams.set('after', after)
    const answer = await fetch(address)
    if (!answer.ok) throw new Error(`${address.pathname} was answered with ${answer.status}.`)
    const page = (await answer.json()) as TrackPage
    yield page
    after = page.next
  } while (after !== undefined)
}

async function trackCount(url: string): Promise<number> {
  let count = 0
  for await (const { tracks } of pagesOf(url)) count += tracks.length
  return count
}

interface TrackPage {
  readonly tracks: readonly { readonly coverId: number | null }[]
  /** Absent on the last page. */
  readonly next?: string
}

/** The first address that the server says on its output. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('roundelay serve has no output.')
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/\S+/u.exec(line)?.[0]
    if (address === undefined) continue
    // Whatever else it says must not fill the pipe.
    child.stdout.resume()
    return address
  }
  throw new Error('roundelay serve ended before it said where it answers.')
}
