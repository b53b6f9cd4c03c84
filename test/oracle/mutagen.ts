import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { python } from '../servers/installed.ts'

/** What Mutagen, which nobody here wrote, says of a file. Every field is a list, as it stands in the file. */
export interface OracleTags {
  readonly durationMs: number
  readonly title: readonly string[]
  readonly artist: readonly string[]
  readonly album: readonly string[]
  readonly albumArtist: readonly string[]
  /** `3` or `3/12`. */
  readonly track: readonly string[]
  readonly disc: readonly string[]
  readonly date: readonly string[]
  readonly genre: readonly string[]
}

interface Line {
  readonly path: string
  readonly seconds?: number
  readonly tags?: Readonly<Record<string, readonly string[]>>
}

/** Asks one Python process (Debian's, with `python3-mutagen`) about many files; those it does not know are left out. */
export async function mutagen(paths: readonly string[]): Promise<Map<string, OracleTags>> {
  const found = new Map<string, OracleTags>()
  for (const line of (await run(paths)).split('\n').filter((text) => text !== '')) {
    const { path, seconds, tags } = JSON.parse(line) as Line
    if (seconds === undefined || tags === undefined) continue
    found.set(path, {
      durationMs: seconds * 1_000,
      title: tags['title'] ?? [],
      artist: tags['artist'] ?? [],
      album: tags['album'] ?? [],
      albumArtist: tags['albumartist'] ?? [],
      track: tags['tracknumber'] ?? [],
      disc: tags['discnumber'] ?? [],
      date: tags['date'] ?? [],
      genre: tags['genre'] ?? [],
    })
  }
  return found
}

function run(paths: readonly string[]): Promise<string> {
  const script = fileURLToPath(new URL('./ask-mutagen.py', import.meta.url))
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: maxAnswerBytes }
    const child = execFile(python, [script], options, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(error)
    })
    child.stdin?.end(paths.map((path) => `${path}\n`).join(''))
  })
}

const maxAnswerBytes = 64 * 1_048_576
