/** Ourselves as a server over a library that is there already: what a page would ask for. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { plainEnvironment } from './tools.ts'

export interface Serving extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string
}

/** Starts `roundelay serve` (`command` is its script) on a free port, and waits until it answers. */
export async function startServing(command: string, data: string): Promise<Serving> {
  const child = spawn(process.execPath, [command, '--data', data, '--port', '0', 'serve'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: plainEnvironment(),
  })
  return {
    url: await addressOf(child),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
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
  let after: string | undefined
  do {
    const page = new URL(`api/tracks?limit=${tracksAPage}`, url)
    if (after !== undefined) page.searchParams.set('after', after)
    const answer = await fetch(page)
    if (!answer.ok) throw new Error(`${page.pathname} was answered with ${answer.status}.`)
    const { tracks, next } = (await answer.json()) as TrackPage
    for (const { coverId } of tracks) if (coverId !== null) ids.add(coverId)
    after = next
  } while (after !== undefined)
  return ids
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
