import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Track } from '../../src/library/catalogue.ts'

/** How a command ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Milliseconds that it took. */
  readonly ms: number
}

export interface HowToRun {
  readonly env?: Readonly<Record<string, string>>
  /** What stands on its standard input. */
  readonly input?: string
  /** What runs the command: `prlimit` and the like with their arguments; nothing by default. */
  readonly under?: readonly string[]
}

/** The built command and a data folder of its own, thrown away at the end together with every process that still runs. */
export class Roundelay {
  readonly data: string
  readonly #folder: string
  readonly #running = new Set<Command>()

  private constructor(folder: string) {
    this.#folder = folder
    this.data = join(folder, 'data')
  }

  static async create(): Promise<Roundelay> {
    if (!existsSync(program)) throw new Error(`${program} is not there: npm run build makes it.`)
    return new Roundelay(await mkdtemp(join(tmpdir(), 'roundelay-e2e-')))
  }

  /** Starts the command, as a person would. */
  start(args: readonly string[], how: HowToRun = {}): Command {
    const command = new Command(['--data', this.data, ...args], this.#folder, how)
    this.#running.add(command)
    void command.ended.finally(() => this.#running.delete(command))
    return command
  }

  /** Runs the command to its end. */
  run(args: readonly string[], how: HowToRun = {}): Promise<Ended> {
    return this.start(args, how).ended
  }

  /** Runs the command, which must end well; gives what it printed. */
  async ask(args: readonly string[], how: HowToRun = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run(args, how)
    if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
    return stdout
  }

  /** The library, as `tracks --json` prints it. */
  async tracks(...args: readonly string[]): Promise<Track[]> {
    const text = await this.ask(['tracks', '--json', ...args])
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Track)
  }

  /** Starts `serve` on a free port; resolves once it answers, to its address without a slash at the end. */
  async serve(args: readonly string[] = [], how: HowToRun = {}): Promise<Serving> {
    const command = this.start(['--port', '0', ...args, 'serve'], how)
    const said = await command.says(/answers on (\S+)\/ /)
    return { command, url: said[1] ?? '' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const commands = [...this.#running]
    for (const command of commands) command.kill('SIGKILL')
    await Promise.all(commands.map(({ ended }) => ended))
    await rm(this.#folder, { recursive: true })
  }
}

export interface Serving {
  readonly command: Command
  readonly url: string
}

/** A command that runs. */
export class Command {
  readonly ended: Promise<Ended>
  readonly pid: number
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #listeners = new Set<() => void>()
  #hasEnded = false

  constructor(args: readonly string[], home: string, { env, input, under = [] }: HowToRun) {
    const [first, ...rest] = [...under, process.execPath, program, ...args]
    if (first === undefined) throw new Error('nothing to run')
    const startedMs = performance.now()
    this.#child = spawn(first, rest, {
      // Nothing of the environment but this: a test is the same whoever runs it.
      env: { PATH: process.env['PATH'], HOME: home, LC_ALL: 'C.UTF-8', ...env },
      cwd: home,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.pid = this.#child.pid ?? 0
    this.#child.stdin?.on('error', () => undefined).end(input ?? '')
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#tell()
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#tell()
    })
    const late = setTimeout(() => this.kill('SIGKILL'), maxRunMs)
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (status) => {
        clearTimeout(late)
        this.#hasEnded = true
        this.#tell()
        const { stdout, stderr } = this
        resolve({ status, stdout, stderr, ms: performance.now() - startedMs })
      })
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves when the standard output holds this; fails when the command ends without having said it. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.stdout)
        if (found === null && !this.#hasEnded) return
        this.#listeners.delete(look)
        if (found !== null) resolve(found)
        else reject(new Error(`It ended without ${pattern}:\n${this.stdout}${this.stderr}`))
      }
      this.#listeners.add(look)
      look()
    })
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Asks until the answer is as it should be. */
export async function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  const endMs = performance.now() + maxWaitMs
  for (;;) {
    const answer = await ask()
    if (isSo(answer)) return answer
    if (performance.now() > endMs) {
      throw new Error(`It never came to be; in the end: ${JSON.stringify(answer)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, askMs))
  }
}

/** Tracks without what may differ between two libraries of the same music: numbers that were given in another order. */
export function withoutIds(tracks: readonly Track[]): readonly Partial<Track>[] {
  const shown = tracks.map(
    ({ id: _i, ownerId: _o, sourceId: _s, artistId: _r, albumId: _l, coverId, ...rest }) => ({
      ...rest,
      hasCover: coverId !== null,
    }),
  )
  return shown.toSorted((one, other) => (one.path < other.path ? -1 : 1))
}

/** A file that is always there and never changes: the golden text beside the tests. */
export function golden(name: string): { readonly path: string; read(): Promise<string> } {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url))
  return { path, read: () => readFile(path, 'utf8') }
}

/** What `npx roundelay` runs. */
export const program = fileURLToPath(new URL('../../bin/roundelay.cjs', import.meta.url))
/** Milliseconds after which a command is ended. */
const maxRunMs = 110_000
/** Milliseconds. */
const maxWaitMs = 20_000
const askMs = 100
