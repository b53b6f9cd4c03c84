/**
 * Drives to library: the first sync of a WebDAV drive full of music and the one after it, ours beside MPD's, from the same
 * nginx over the same slow link; then on loopback; then covers; then a drive of 100,000 files.
 */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Options } from './bench.ts'
import { startChild } from './child.ts'
import type { Contestant, Run } from './contestant.ts'
import type { DriveOptions } from './drive.ts'
import { generateLibrary, type Library } from './generate.ts'
import type { LinkCounters, LinkOptions } from './link.ts'
import { missingMpd, openMpd } from './mpd.ts'
import { missingRoundelay, openRoundelay } from './roundelay.ts'
import { missingServer, startServer, type WebdavServer } from './servers.ts'
import type { Finding, Unit } from './table.ts'

export const library: Bench = async (options) => {
  const isWanted = (...ids: readonly string[]): boolean =>
    options.rows === null || ids.some((id) => options.rows?.includes(id))
  const findings: Finding[] = []
  const withoutServer = missingServer()
  if (withoutServer === null && isWanted(...linkRows, ...loopbackRows, 'covers')) {
    options.note(`Generating ${options.tracks} tracks, unless they are there already ...`)
    const music = await generateLibrary(options.seed, options.tracks)
    await warm(music.root)
    await using server = await startServer(music.root)
    if (isWanted(...linkRows, 'covers')) findings.push(...(await overLink(server, music, options)))
    if (isWanted(...loopbackRows)) findings.push(...(await onLoopback(server, music, options)))
  } else {
    const reason = withoutServer ?? undefined
    findings.push(
      ...[...linkRows, ...loopbackRows, 'covers' as const].map((id) =>
        finding(id, null, null, reason),
      ),
    )
  }
  if (isWanted('memory-10k')) findings.push(await memory('memory-10k', 10_000, options))
  if (isWanted('memory-100k')) findings.push(await memory('memory-100k', 100_000, options))
  return findings.filter(({ id }) => isWanted(id))
}

const rows = {
  'first-sync': ['first sync, database included, covers not fetched', 's'],
  resync: ['sync again, nothing changed', 's'],
  'bytes-per-track': ['bytes from the server per track', 'B'],
  'requests-per-track': ['requests per track, listing included', ''],
  loopback: ['first sync with no delay', 's'],
  'cpu-per-track': ['our processor time per track, on loopback', 'ms'],
  covers: ['all covers afterwards, bytes beyond the pictures', '%'],
  'memory-10k': ['most memory at once, a drive of 10,000 files', 'B'],
  'memory-100k': ['most memory at once, a drive of 100,000 files', 'B'],
} as const satisfies Readonly<Record<string, readonly [what: string, unit: Unit]>>

type RowId = keyof typeof rows

const linkRows = ['first-sync', 'resync', 'bytes-per-track', 'requests-per-track'] as const
const loopbackRows = ['loopback', 'cpu-per-track'] as const

function finding(
  id: RowId,
  value: number | null,
  peerValue: number | null,
  reason?: string,
): Finding {
  const [what, unit] = rows[id]
  return { id, what, value, unit, peer: 'MPD', peerValue, reason }
}

/** The line that the figures of the README hold for. */
const roundTripMs = 40
const bitsPerSecond = 100_000_000

/** One sync and what it asked of the server. */
interface Leg extends Run {
  readonly bytes: number
  readonly requests: number
  readonly connections: number
}

/** A first sync and the one after it; null and a reason where the contestant is missing. */
type Result =
  | { readonly first: Leg; readonly again: Leg; readonly reason?: undefined }
  | { readonly first: null; readonly again: null; readonly reason: string }

async function overLink(
  server: WebdavServer,
  music: Library,
  options: Options,
): Promise<readonly Finding[]> {
  await using link = await startChild<LinkCounters>('link-process.ts', {
    port: server.port,
    roundTripMs,
    bitsPerSecond,
  } satisfies Omit<LinkOptions, 'clock'>)
  const place: Place = {
    url: `http://127.0.0.1:${link.port}/`,
    count: async () => ({
      bytes: (await link.counters()).toClientBytes,
      requests: (await server.requests()).length,
      connections: (await link.counters()).connections,
    }),
  }
  // Minutes, and the link is far slower than any noise: once is enough for the peer.
  const peer = await race(
    'MPD over the link',
    missingMpd(),
    1,
    place,
    () => openMpd(place.url, music.tracks),
    options,
  )
  const ours = await race(
    'roundelay over the link',
    missingRoundelay(),
    options.runs,
    place,
    () => openRoundelay(place.url, music.tracks),
    options,
  )
  const reason = ours.reason ?? peer.reason
  const row = (id: (typeof linkRows)[number], of: (result: Result) => number | null): Finding =>
    finding(id, of(ours), of(peer), reason)
  return [
    row('first-sync', ({ first }) => first && first.seconds),
    row('resync', ({ again }) => again && again.seconds),
    row('bytes-per-track', ({ first }) => first && first.bytes / music.tracks),
    row('requests-per-track', ({ first }) => first && first.requests / music.tracks),
    await covers(place, music, options),
  ]
}

async function onLoopback(
  server: WebdavServer,
  music: Library,
  options: Options,
): Promise<readonly Finding[]> {
  const place: Place = {
    url: `http://127.0.0.1:${server.port}/`,
    count: async () => {
      const requests = await server.requests()
      return {
        bytes: requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
        requests: requests.length,
        connections: new Set(requests.map(({ connection }) => connection)).size,
      }
    },
  }
  const peer = await race(
    'MPD on loopback',
    missingMpd(),
    options.runs,
    place,
    () => openMpd(place.url, music.tracks),
    options,
  )
  const ours = await race(
    'roundelay on loopback',
    missingRoundelay(),
    options.runs,
    place,
    () => openRoundelay(place.url, music.tracks),
    options,
  )
  const reason = ours.reason ?? peer.reason
  return [
    finding('loopback', ours.first && ours.first.seconds, peer.first && peer.first.seconds, reason),
    finding(
      'cpu-per-track',
      ours.first && ours.first.cpuMs / music.tracks,
      peer.first && peer.first.cpuMs / music.tracks,
      reason,
    ),
  ]
}

/** Where a drive is reached, and what went over the way there so far. */
interface Place {
  readonly url: string
  readonly count: () => Promise<Pick<Leg, 'bytes' | 'requests' | 'connections'>>
}

/** Lets one contestant bring the drive home `runs` times, each time from nothing. */
async function race(
  what: string,
  missing: string | null,
  runs: number,
  place: Place,
  open: () => Promise<Contestant>,
  { note }: Options,
): Promise<Result> {
  if (missing !== null) return { first: null, again: null, reason: missing }
  const results: { readonly first: Leg; readonly again: Leg }[] = []
  for (let run = 0; run < runs; run += 1) {
    await using contestant = await open()
    const result = {
      first: await leg(place, contestant.first),
      again: await leg(place, contestant.again),
    }
    results.push(result)
    note(`${what}: first ${described(result.first)}; again ${described(result.again)}`)
  }
  return {
    first: median(results.map(({ first }) => first)),
    again: median(results.map(({ again }) => again)),
  }
}

async function leg(place: Place, sync: () => Promise<Run>): Promise<Leg> {
  const before = await place.count()
  const run = await sync()
  const after = await place.count()
  return {
    ...run,
    bytes: after.bytes - before.bytes,
    requests: after.requests - before.requests,
    connections: after.connections - before.connections,
  }
}

/** The leg that took the median time, with all its other figures. */
function median(legs: readonly Leg[]): Leg {
  const middle = legs.toSorted((a, b) => a.seconds - b.seconds)[Math.floor((legs.length - 1) / 2)]
  if (middle === undefined) throw new Error('Nothing was measured.')
  return middle
}

const described = (leg: Leg): string =>
  `${leg.seconds.toFixed(2)} s, ${Math.round(leg.cpuMs)} ms of processor, ${leg.requests} requests, ${(leg.bytes / 1e6).toFixed(2)} MB, ${leg.connections} connections`

async function covers(place: Place, music: Library, { note }: Options): Promise<Finding> {
  const noPeer = 'MPD keeps no covers'
  const missing = missingRoundelay()
  if (missing !== null) return finding('covers', null, null, missing)
  await using ours = await openRoundelay(place.url, music.tracks)
  await ours.first()
  const before = await place.count()
  const { pictureBytes } = await ours.covers()
  const bytes = (await place.count()).bytes - before.bytes
  note(
    `roundelay, covers: ${(bytes / 1e6).toFixed(2)} MB for pictures of ${(pictureBytes / 1e6).toFixed(2)} MB`,
  )
  return finding('covers', (100 * (bytes - pictureBytes)) / pictureBytes, null, noPeer)
}

async function memory(
  id: 'memory-10k' | 'memory-100k',
  files: number,
  { note }: Options,
): Promise<Finding> {
  const missing = missingRoundelay()
  if (missing !== null) return finding(id, null, null, missing)
  await using drive = await startChild<{ readonly requests: number }>('drive-process.ts', {
    files,
  } satisfies DriveOptions)
  await using ours = await openRoundelay(`http://127.0.0.1:${drive.port}/`, files)
  const { peakBytes, seconds } = await ours.first()
  note(
    `roundelay, ${files} files: ${seconds.toFixed(1)} s, ${(await drive.counters()).requests} requests`,
  )
  return finding(id, peakBytes, null, 'MPD is not measured with so many files')
}

/** Reads everything once, so that nobody pays for the disk. */
async function warm(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await readFile(join(entry.parentPath, entry.name))
  }
}
