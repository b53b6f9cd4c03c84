import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * The soundtrack of The Battle for Wesnoth, 35 Ogg files that nobody here tagged: from Debian's package where it is
 * installed, else downloaded once into a folder that later runs find again. Paths, sorted.
 */
export async function wesnothMusic(): Promise<string[]> {
  const installed = await oggFiles(join('/', musicFolder))
  if (installed.length > 0) return installed
  const cache = join(tmpdir(), 'roundelay-wesnoth-music')
  const cached = await oggFiles(join(cache, musicFolder))
  return cached.length > 0 ? cached : download(cache)
}

/** Unpacks beside the cache and moves it there whole, so that two runs at once do not see each other's halves. */
async function download(cache: string): Promise<string[]> {
  const folder = await mkdtemp(`${cache}-`)
  await run('apt-get', ['download', packageName], { cwd: folder })
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error(`apt-get downloaded no ${packageName}`)
  await run('dpkg-deb', ['-x', archive, '.'], { cwd: folder })
  await rm(join(folder, archive))
  await mkdir(dirname(cache), { recursive: true })
  try {
    await rename(folder, cache)
  } catch {
    await rm(folder, { recursive: true })
  }
  return oggFiles(join(cache, musicFolder))
}

async function oggFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    return names
      .filter((name) => name.endsWith('.ogg'))
      .toSorted()
      .map((name) => join(folder, basename(name)))
  } catch {
    return []
  }
}

const packageName = 'wesnoth-1.16-music'
const musicFolder = 'usr/share/games/wesnoth/1.16/data/core/music'
