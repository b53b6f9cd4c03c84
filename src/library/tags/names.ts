/** What a path lets one guess of a track that says nothing of itself. */
export interface NamedTrack {
  readonly title: string
  readonly artist?: string
  readonly album?: string
  readonly track?: number
  readonly disc?: number
}

/**
 * Guesses from a path such as `Artist/Album/03 - Title.mp3`, `Artist/Album/CD 2/203 Title.flac`,
 * `Artist - Album/03 Title.ogg` or `Artist - Title.ogg`. Segments root first, the last one is the file's name.
 */
export function fromPath(path: readonly string[]): NamedTrack {
  const folders = path.slice(0, -1).map(spaced)
  const disc = discOf(folders.at(-1) ?? '')
  if (disc !== undefined) folders.pop()
  const name = path.at(-1) ?? ''
  const file = fromName(spaced(name.replace(/\.[^.]{1,5}$/, '') || name))
  const folder = fromFolders(folders)
  // A lone folder around `Artist - Title` is a heap of tracks, not an album.
  const isHeap = folders.length < 2 && file.artist !== undefined
  return { ...(isHeap ? {} : folder), ...(disc === undefined ? {} : { disc }), ...file }
}

/** `03 - Title`, `03 - Artist - Title`, `1-03 Title`, `103 Title` (disc 1, track 3) or `Title`. */
function fromName(name: string): NamedTrack {
  const match = /^(?:(?<disc>\d)-)?(?<track>\d{1,3})(?: *[-._)\u2013] *| +)(?<rest>\S.*)$/.exec(
    name,
  )
  const { disc, track, rest = name } = match?.groups ?? {}
  const [first = rest, ...others] = rest.split(between)
  const title = others.length === 0 ? first : others.join(' - ')
  return { title, ...(others.length === 0 ? {} : { artist: first }), ...numbersOf(disc, track) }
}

function numbersOf(
  disc: string | undefined,
  track: string | undefined,
): { track?: number; disc?: number } {
  if (track === undefined) return {}
  const number = Number(track)
  if (disc !== undefined) return { disc: Number(disc), track: number }
  return number > 100 ? { disc: Math.floor(number / 100), track: number % 100 } : { track: number }
}

/** `Artist/Album`, `Artist/1999 - Album`, `Artist - Album` or `Album`. */
function fromFolders(folders: readonly string[]): { artist?: string; album?: string } {
  const [parent, last] = [folders.at(-2), folders.at(-1)]
  if (last === undefined || last === '') return {}
  const album = last.replace(/^\d{4} *[-\u2013] +/, '').replace(/ *[([]\d{4}[)\]]$/, '') || last
  const [artist, ...names] = album.split(between)
  if (names.length > 0 && artist !== undefined) return { artist, album: names.join(' - ') }
  return parent === undefined || parent === '' ? { album } : { artist: parent, album }
}

function discOf(folder: string): number | undefined {
  const match = /^(?:cd|dis[ck]|disque) *(?<number>\d{1,2})(?!\d)/i.exec(folder)
  return match === null ? undefined : Number(match.groups?.['number'])
}

function spaced(text: string): string {
  return (text.includes(' ') ? text : text.replaceAll('_', ' ')).trim()
}

const between = / +[-\u2013] +/
