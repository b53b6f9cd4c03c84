import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CountedFile } from './counted.ts'

const run = promisify(execFile)

/** Music made by ffmpeg when a test starts, and thrown away when it ends. */
export class FfmpegFiles {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async create(): Promise<FfmpegFiles> {
    const files = new FfmpegFiles(await mkdtemp(join(tmpdir(), 'roundelay-tags-')))
    const noise = 'anoisesrc=d=20:c=pink:r=44100:a=0.3:seed=1,aformat=channel_layouts=stereo'
    await files.#ffmpeg('-f', 'lavfi', '-i', noise, 'source.wav')
    const picture = "nullsrc=s=700x700,geq=lum='mod(X*Y*7919,255)':cb=128:cr=128"
    await files.#ffmpeg('-f', 'lavfi', '-i', picture, '-frames:v', '1', '-q:v', '2', 'cover.jpg')
    return files
  }

  /** The picture that `coverOptions` puts into a file. */
  cover(): Promise<Buffer> {
    return readFile(join(this.#folder, 'cover.jpg'))
  }

  async make(name: string, options: readonly string[]): Promise<CountedFile> {
    await this.#ffmpeg('-i', 'source.wav', ...options, name)
    return new CountedFile(name, await readFile(join(this.#folder, name)))
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true })
  }

  async #ffmpeg(...options: string[]): Promise<void> {
    await run('ffmpeg', ['-v', 'error', '-y', ...options], { cwd: this.#folder })
  }
}

export const tagOptions = Object.entries({
  title: 'Refrain è ♫',
  artist: 'AC/DC',
  album: 'Rounds',
  album_artist: 'Various',
  track: '3/12',
  disc: '1/2',
  date: '2004-05-01',
  genre: 'Rock',
}).flatMap(([name, value]) => ['-metadata', `${name}=${value}`])

export const coverOptions = [
  '-i',
  'cover.jpg',
  '-map',
  '0:a',
  '-map',
  '1:v',
  '-c:v',
  'copy',
  '-disposition:v',
  'attached_pic',
]
