import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The soundtrack of The Battle for Wesnoth, 35 Ogg files that nobody here tagged, from Debian's package
 * `wesnoth-1.16-music` (or another release's). Paths, sorted; none where it is not installed.
 */
export function wesnothMusic(): readonly string[] {
  if (!existsSync(releases)) return []
  const folders = readdirSync(releases).map((release) => join(releases, release, 'data/core/music'))
  const folder = folders.findLast((path) => existsSync(path))
  if (folder === undefined) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.ogg'))
  return names.toSorted().map((name) => join(folder, name))
}

const releases = '/usr/share/games/wesnoth'
