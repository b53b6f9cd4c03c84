/** What a path lets one guess of a track that says nothing of itself. */
export interface NamedTrack {
  readonly title: string
  readonly artist?: string
  readonly album?: string
  readonly track?: number
  readonly disc?: number
}

/**
 * Guesses from a path such as `Artist/Album/03 - Title.mp3`, `Artist/Album/CD 2/03 Title.flac`,
 * `Artist - Album/Title.ogg` or `Artist - Title.ogg`. Segments root first, the last one is the file's name.
 */
export function fromPath(path: readonly string[]): NamedTrack {
  const folders = path.slice(0, -1).map(spaced)
  const disc = discOf(folders.at(-1) ?? '')
  if (disc !== undefined) folders.pop()
  const { number, text } = numbered(spaced((path.at(-1) ?? '').replace(/\.[^.]{1,5}$/, '')))
  const parts = text.split(/ +[-\u2013] +/)
  const album = folders.at(-1)
  const [albumArtist, albumName] = (album ?? '').split(/ +[-\u2013] +/, 2)
  const parent = folders.at(-2)
  // `Artist - Album` as one folder, else `Artist/Album`.
  const isJoined =
    albumName !== undefined && albumArtist !== undefined && !/^\d{4}$/.test(albumArtist)
  const artist = parts.length > 1 ? parts[0] : isJoined ? albumArtist : parent
  const known = {
    artist,
    album: isJoined
      ? albumName
      : parent === undefined && parts.length > 1
        ? undefined
        : withoutYear(album),
    track:
      number === undefined ? undefined : number > 100 && number < 1_000 ? number % 100 : number,
    disc:
      disc ??
      (number !== undefined && number > 100 && number < 1_000
        ? Math.floor(number / 100)
        : undefined),
  }
  const title = (parts.length > 1 ? parts.slice(1).join(' - ') : text) || (path.at(-1) ?? '')
  return { title, ...present(known) }
}

/** `03 - Title`, `03. Title`, `1-03 Title`, `103 Title`. A title that is only a number stays one. */
function numbered(text: string): { number?: number; text: string } {
  const match = /^(?:\d{1,2}-)?(?<number>\d{1,3})(?: *[-._)\u2013] *| +)(?<rest>\S.*)$/.exec(text)
  const { number, rest } = match?.groups ?? {}
  return number === undefined || rest === undefined
    ? { text }
    : { number: Number(number), text: rest }
}

function discOf(folder: string): number | undefined {
  const number = /^(?:cd|dis[ck]|disque|volume|vol\.?) *(?<number>\d{1,2})\b/i.exec(folder)
    ?.groups?.['number']
  return number === undefined ? undefined : Number(number)
}

/** `1999 - Album` and `Album (1999)` are both `Album`. */
function withoutYear(album: string | undefined): string | undefined {
  return album?.replace(/^\d{4} +[-\u2013] +/, '').replace(/ *[([]\d{4}[)\]]$/, '')
}

function spaced(text: string): string {
  return (text.includes(' ') ? text : text.replaceAll('_', ' ')).trim()
}

function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
