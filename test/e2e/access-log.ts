import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunningServer } from '../servers/process.ts'

/** What Apache was asked for, from its log. */
export class AccessLog {
  readonly #path: string
  #read = 0

  constructor({ dir }: RunningServer) {
    this.#path = join(dir, 'access.log')
  }

  /** Requests since this was asked before, `GET /dav/song.mp3` and so on. */
  async news(): Promise<readonly string[]> {
    const lines = (await readFile(this.#path, 'utf8')).split('\n').slice(0, -1)
    const news = lines.slice(this.#read)
    this.#read = lines.length
    return news.map((line) => line.replace(/ \d+ \S+$/, ''))
  }
}
