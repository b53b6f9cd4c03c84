/** The peer: MPD with its library on WebDAV, through its curl storage. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant, Run } from './contestant.ts'
import { type MpdConsole, openConsole } from './mpd-console.ts'
import { findProgram, plainEnvironment } from './tools.ts'

/** Why MPD cannot take part, or null. */
export function missingMpd(): string | null {
  return findProgram('mpd') === null ? 'mpd is not installed' : null
}

/** `tracks` is what must be in its database afterwards: a peer that skipped half would be too fast. */
export async function openMpd(url: string, tracks: number): Promise<Contestant> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-mpd-'))
  await writeFile(join(folder, 'mpd.conf'), configuration(url, folder))
  const complaints = await open(join(folder, 'complaints'), 'w')
  const start = (): ChildProcess =>
    spawn(findProgram('mpd') ?? 'mpd', ['--no-daemon', join(folder, 'mpd.conf')], {
      stdio: ['ignore', 'ignore', complaints.fd],
      env: plainEnvironment(),
    })
  let mpd: ChildProcess | null = null
  let console: MpdConsole | null = null
  return {
    name: 'MPD',
    first: async () => {
      const begin = performance.now()
      // MPD begins its first update by itself, having no database.
      const started = start()
      mpd = started
      console = await openConsole(join(folder, 'socket'), () => started.exitCode === null)
      await untilUpdated(console)
      const run = await runOf(started, begin, 0)
      await checkSongs(console, tracks)
      return run
    },
    again: async () => {
      if (mpd === null || console === null) throw new Error('MPD has not been started.')
      const before = await cpuMs(mpd)
      const begin = performance.now()
      await console.ask('update')
      await untilUpdated(console)
      const run = await runOf(mpd, begin, before)
      await checkSongs(console, tracks)
      return run
    },
    [Symbol.asyncDispose]: async () => {
      console?.close()
      if (mpd !== null && mpd.exitCode === null) {
        const ended = once(mpd, 'exit')
        mpd.kill('SIGTERM')
        await ended
      }
      await complaints.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const configuration = (url: string, folder: string): string => `
music_directory "${url}"
playlist_directory "${folder}"
bind_to_address "${folder}/socket"
log_file "${folder}/log"
state_file "${folder}/state"
auto_update "no"
zeroconf_enabled "no"
database {
  plugin "simple"
  path "${folder}/database"
  cache_directory "${folder}"
}
input {
  plugin "curl"
}
audio_output {
  type "null"
  name "none"
}
`

const stepMs = 20
/** No library that is measured here takes longer. */
const longestUpdateMs = 1_800_000

async function untilUpdated(console: MpdConsole): Promise<void> {
  for (let waitedMs = 0; waitedMs < longestUpdateMs; waitedMs += stepMs) {
    const status = await console.ask('status')
    if (!status.has('updating_db')) return
    await sleep(stepMs)
  }
  throw new Error('MPD does not come to an end.')
}

async function checkSongs(console: MpdConsole, tracks: number): Promise<void> {
  const songs = Number((await console.ask('stats')).get('songs'))
  if (songs !== tracks) throw new Error(`MPD found ${songs} of ${tracks} tracks.`)
}

async function runOf(mpd: ChildProcess, begin: number, cpuBefore: number): Promise<Run> {
  const seconds = (performance.now() - begin) / 1000
  const status = await readFile(`/proc/${mpd.pid}/status`, 'utf8')
  const peakKilobytes = Number(/^VmHWM:\s+(\d+)/mu.exec(status)?.[1])
  return { seconds, cpuMs: (await cpuMs(mpd)) - cpuBefore, peakBytes: peakKilobytes * 1024 }
}

/** Linux counts in hundredths of a second for whoever asks (USER_HZ). */
const msATick = 10

/** User and system time so far (fields 14 and 15 of proc_pid_stat(5)). */
async function cpuMs(mpd: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${mpd.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * msATick
}
