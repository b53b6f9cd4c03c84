import { Command } from 'commander'
import type { SearchResult } from '../library/catalogue.ts'
import { ownerNamed } from './owner.ts'
import type { Setting } from './setting.ts'
import { printable } from './terminal.ts'
import { trackTable } from './tracks.ts'
import { withCore } from './with-core.ts'

/** `roundelay search WORDS` */
export function searchCommand(setting: Setting): Command {
  return new Command('search')
    .description('artists, albums and tracks with these words; the beginning of a word is enough')
    .argument('<words...>')
    .option('--for <name>', 'whose library (default: the only user there is)')
    .option('--limit <number>', 'at most so many of each', '20')
    .option('--json', 'print one JSON object')
    .action(async (words: string[], flags: { for?: string; limit: string; json?: boolean }) => {
      const result = await withCore(setting, async (core) => {
        const owner = await ownerNamed(core, flags.for)
        return core.catalogue.search(owner.id, words.join(' '), Number(flags.limit))
      })
      setting.terminal.say(flags.json === true ? JSON.stringify(result) : asText(result))
    })
}

export function asText({ artists, albums, tracks }: SearchResult): string {
  if (artists.length + albums.length + tracks.length === 0) return 'Nothing found.'
  const parts: string[] = []
  for (const { name, trackCount } of artists)
    parts.push(`artist  ${printable(name)} (${trackCount} tracks)`)
  for (const { name, artist, trackCount } of albums) {
    parts.push(`album   ${printable(artist)}: ${printable(name)} (${trackCount} tracks)`)
  }
  if (tracks.length > 0) parts.push(trackTable(tracks))
  return parts.join('\n')
}
