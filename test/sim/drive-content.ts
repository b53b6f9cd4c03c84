import type { Random } from '../../src/base/random.ts'
import { keyOf, type MemoryDrive } from '../../src/drives/memory/memory-drive.ts'

/** What a drive really holds, and hands to change it. */
export class DriveContent {
  readonly id: number
  readonly drive: MemoryDrive
  readonly #random: Random
  readonly #files = new Map<string, string>()
  #made = 0

  constructor(id: number, drive: MemoryDrive, random: Random) {
    this.id = id
    this.drive = drive
    this.#random = random
  }

  /** What is to be seen of it when all is well: key to text, without what is no good or of no interest. */
  readonly truth = (): Record<string, string> => {
    const kept = [...this.#files].filter(
      ([path, text]) => !path.endsWith('.txt') && !text.startsWith('bad'),
    )
    const lines = kept.map(([path, text]) => [keyOf(path), text] as const)
    return Object.fromEntries(lines.toSorted(([one], [other]) => (one < other ? -1 : 1)))
  }

  add(): void {
    const n = this.#made++
    const folder = ['', 'a/', 'b/', 'a/x/', 'a/x/y/', 'c/z/'][Math.floor(this.#random() * 6)]
    const path = `${folder}f${n}${n % 9 === 8 ? '.txt' : ''}`
    this.#put(path, `${n % 11 === 10 ? 'bad' : 'text'} ${n}`)
  }

  change(): void {
    const chance = this.#random()
    if (chance < 0.3) for (let n = 0; n < 5; n++) this.add()
    else if (chance < 0.5) this.#each(0.3, (path) => this.#put(path, `text ${this.#made++}`))
    else if (chance < 0.65) this.#each(0.2, (path) => this.#remove(path))
    else if (chance < 0.7) this.#each(0.8, (path) => this.#remove(path))
    else if (chance < 0.9) this.#each(0.2, (path) => this.#move(path, `moved/${this.#made++}`))
    else this.#each(1, (path) => path.startsWith('a/') && this.#move(path, `c/${path}`))
  }

  #each(share: number, does: (path: string) => void): void {
    for (const path of Array.from(this.#files.keys())) if (this.#random() < share) does(path)
  }

  #put(path: string, text: string): void {
    this.#files.set(path, text)
    this.drive.put(path, Buffer.from(text))
  }

  #remove(path: string): void {
    this.#files.delete(path)
    this.drive.remove(path)
  }

  #move(from: string, to: string): void {
    const text = this.#files.get(from)
    if (text === undefined || this.#files.has(to)) return
    this.#files.delete(from)
    this.#files.set(to, text)
    this.drive.move(from, to)
  }
}
