import { Command } from 'commander'
import { maxPage, type Track } from '../library/catalogue.ts'
import { ownerNamed } from './owner.ts'
import type { Setting } from './setting.ts'
import { playingTime, printable, table } from './terminal.ts'
import { withCore } from './with-core.ts'

/** `roundelay tracks` */
export function tracksCommand(setting: Setting): Command {
  return new Command('tracks')
    .description('all tracks of a library, by artist, album, disc and number')
    .option('--for <name>', 'whose library (default: the only user there is)')
    .option('--json', 'print one JSON object a line')
    .action(async (flags: { for?: string; json?: boolean }) => {
      await withCore(setting, async (core) => {
        const owner = await ownerNamed(core, flags.for)
        let after: string | undefined
        do {
          const page = await core.catalogue.tracks({
            ownerId: owner.id,
            limit: maxPage,
            ...(after === undefined ? {} : { after }),
          })
          if (flags.json === true) {
            for (const track of page.tracks) setting.terminal.say(JSON.stringify(track))
          } else if (page.tracks.length > 0) setting.terminal.say(trackTable(page.tracks))
          after = page.next
        } while (after !== undefined)
      })
    })
}

export function trackTable(tracks: readonly Track[]): string {
  return table(
    tracks.map(({ albumArtist, album, disc, track, title, artist, durationMs, codec }) => [
      printable(albumArtist),
      printable(album),
      disc === null ? String(track ?? '') : `${disc}-${track ?? ''}`,
      printable(artist === albumArtist ? title : `${title} (${artist})`),
      durationMs === null ? '-' : playingTime(durationMs),
      codec,
    ]),
  )
}
