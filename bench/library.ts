/**
 * Drives to library: the first sync of a WebDAV drive full of music and the one after it, ours beside MPD's, from the same
 * nginx over the same slow link; then on loopback; then covers; then a drive of 100,000 files.
 */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench, Options } from './bench.ts'
import { startChild } from './child.ts'
import type { DriveOptions } from './drive.ts'
import { generateLibrary, type Library, missingLibrary } from './generate.ts'
import type { LinkCounters, LinkOptions } from './link.ts'
import { missingMpd, openMpd } from './mpd.ts'
import { type Entrant, failure, type Place, race, type Result, traffic } from './race.ts'
import { missingRoundelay, openRoundelay } from './roundelay.ts'
import { missingServer, startServer, type WebdavServer } from './servers.ts'
import type { Finding, Unit } from './table.ts'

export const library: Bench = async (options) => {
  const isWanted = (...ids: readonly string[]): boolean =>
    options.rows === null || ids.some((id) => options.rows?.includes(id))
  const findings: Finding[] = []
  if (isWanted(...linkRows, ...loopbackRows, 'covers')) {
    findings.push(...(await ofMusic(options, isWanted)))
  }
  for (const [id, files] of [
    ['memory-10k', 10_000],
    ['memory-100k', 100_000],
  ] as const) {
    if (isWanted(id)) findings.push(await orReason(id, () => memory(id, files, options)))
  }
  return findings
}

const rows = {
  'first-sync': ['first sync, database included, covers not fetched', 's'],
  resync: ['sync again, nothing changed, by a server that runs', 's'],
  'resync-command': ['the same by a command, its start included', 's'],
  'bytes-per-track': ['bytes from the server per track', 'B'],
  'requests-per-track': ['requests per track, listing included', ''],
  loopback: ['first sync with no delay', 's'],
  'cpu-per-track': ['our processor time per track, on loopback', 'ms'],
  covers: ['all covers afterwards, bytes beyond the pictures', '%'],
  'memory-10k': ['most memory at once, a drive of 10,000 files', 'B'],
  'memory-100k': ['most memory at once, a drive of 100,000 files', 'B'],
} as const satisfies Readonly<Record<string, readonly [what: string, unit: Unit]>>

type RowId = keyof typeof rows

const linkRows = [
  'first-sync',
  'resync',
  'resync-command',
  'bytes-per-track',
  'requests-per-track',
] as const
const loopbackRows = ['loopback', 'cpu-per-track'] as const

function finding(
  id: RowId,
  value: number | null,
  peerValue: number | null,
  reason: string | null,
): Finding {
  const [what, unit] = rows[id]
  return { id, what, value, unit, peer: 'MPD', peerValue, ...(reason === null ? {} : { reason }) }
}

async function orReason(id: RowId, measure: () => Promise<Finding>): Promise<Finding> {
  try {
    return await measure()
  } catch (error) {
    return finding(id, null, null, failure(error))
  }
}

const mpd: Entrant = { name: 'MPD', missing: missingMpd, open: openMpd }
const roundelay: Entrant = { name: 'roundelay', missing: missingRoundelay, open: openRoundelay }

/** The line that the figures of the README hold for. */
const roundTripMs = 40
const bitsPerSecond = 100_000_000

async function ofMusic(
  options: Options,
  isWanted: (...ids: readonly string[]) => boolean,
): Promise<readonly Finding[]> {
  const { seed, tracks, note } = options
  const missing = missingServer() ?? missingLibrary(seed, tracks)
  if (missing !== null) {
    const ids = [...linkRows, ...loopbackRows, 'covers'] as const
    return ids.filter((id) => isWanted(id)).map((id) => finding(id, null, null, missing))
  }
  note(`Generating ${tracks} tracks, unless they are there already ...`)
  const music = await generateLibrary(seed, tracks)
  await warm(music.root)
  await using server = await startServer(music.root)
  await using link = await startChild<LinkCounters>('link-process.ts', {
    port: server.port,
    roundTripMs,
    bitsPerSecond,
  } satisfies Omit<LinkOptions, 'clock'>)
  const far: Place = {
    name: 'over the link',
    url: `http://127.0.0.1:${link.port}/`,
    tracks: music.tracks,
    count: async () => {
      const { toClientBytes, connections } = await link.counters()
      return { bytes: toClientBytes, requests: (await server.requests()).length, connections }
    },
  }
  const findings: Finding[] = []
  if (isWanted(...linkRows)) findings.push(...(await overLink(far, options)))
  if (isWanted(...loopbackRows)) findings.push(...(await onLoopback(near(server, music), options)))
  if (isWanted('covers')) findings.push(await orReason('covers', () => covers(far, options)))
  return findings.filter(({ id }) => isWanted(id))
}

const near = (server: WebdavServer, { tracks }: Library): Place => ({
  name: 'on loopback',
  url: `http://127.0.0.1:${server.port}/`,
  tracks,
  count: async () => {
    const requests = await server.requests()
    return {
      bytes: requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      requests: requests.length,
      connections: new Set(requests.map(({ connection }) => connection)).size,
    }
  },
})

async function overLink(place: Place, { runs, note }: Options): Promise<readonly Finding[]> {
  // It takes minutes, and the link is far slower than any noise: once is enough for the peer.
  const peer = await race(mpd, place, 1, note)
  const ours = await race(roundelay, place, runs, note)
  const row = (id: RowId, of: (result: Result) => number | null): Finding =>
    finding(id, of(ours), of(peer), ours.reason ?? peer.reason)
  return [
    row('first-sync', ({ first }) => first && first.seconds),
    row('resync', ({ again }) => again && again.seconds),
    await orReason('resync-command', () => byCommand(place, peer)),
    row('bytes-per-track', ({ first }) => first && first.bytes / place.tracks),
    row('requests-per-track', ({ first }) => first && first.requests / place.tracks),
  ]
}

async function byCommand(place: Place, peer: Result): Promise<Finding> {
  const missing = missingRoundelay()
  if (missing !== null) return finding('resync-command', null, null, missing)
  await using ours = await openRoundelay(place.url, place.tracks)
  await ours.first()
  const { seconds } = await ours.command()
  return finding('resync-command', seconds, peer.again && peer.again.seconds, peer.reason)
}

async function onLoopback(place: Place, { runs, note }: Options): Promise<readonly Finding[]> {
  const peer = await race(mpd, place, runs, note)
  const ours = await race(roundelay, place, runs, note)
  const row = (id: RowId, of: (result: Result) => number | null): Finding =>
    finding(id, of(ours), of(peer), ours.reason ?? peer.reason)
  return [
    row('loopback', ({ first }) => first && first.seconds),
    row('cpu-per-track', ({ first }) => first && first.cpuMs / place.tracks),
  ]
}

async function covers(place: Place, { note }: Options): Promise<Finding> {
  const missing = missingRoundelay()
  if (missing !== null) return finding('covers', null, null, missing)
  await using ours = await openRoundelay(place.url, place.tracks)
  await ours.first()
  const { answer, traffic: went } = await traffic(place, ours.covers)
  const pictures = answer.pictureBytes
  note(`roundelay, covers: ${went.bytes} bytes for pictures of ${pictures}`)
  const beyond = (100 * (went.bytes - pictures)) / pictures
  return finding('covers', beyond, null, 'MPD keeps no covers')
}

async function memory(id: RowId, files: number, { note }: Options): Promise<Finding> {
  const missing = missingRoundelay()
  if (missing !== null) return finding(id, null, null, missing)
  await using drive = await startChild<{ readonly requests: number }>('drive-process.ts', {
    files,
  } satisfies DriveOptions)
  await using ours = await openRoundelay(`http://127.0.0.1:${drive.port}/`, files)
  const { peakBytes, seconds } = await ours.first()
  const { requests } = await drive.counters()
  note(`roundelay, ${files} files: ${seconds.toFixed(1)} s, ${requests} requests`)
  return finding(id, peakBytes, null, 'MPD is not measured with so many files')
}

/** Reads everything once, so that nobody pays for the disk. */
async function warm(root: string): Promise<void> {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await readFile(join(entry.parentPath, entry.name))
  }
}
