import { type ChildProcess, spawn } from 'node:child_process'
import { isInstalled } from '../servers/installed.ts'

/** Whether a terminal can be had: with `script` as util-linux has it. */
export const hasTerminal = process.platform === 'linux' && isInstalled('script')

export interface HowToStart {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

/** A program on a terminal of its own: what it shows there, and hands to type. */
export class TerminalSession {
  /** All that was shown so far, what was typed and echoed included. */
  shown = ''
  /** Its exit status, once it ended. */
  readonly ended: Promise<number | null>
  readonly #child: ChildProcess
  readonly #listeners = new Set<() => void>()
  #hasEnded = false

  /** `command` is a line for a shell. */
  constructor(command: string, { cwd, env }: HowToStart) {
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], HOME: cwd, LC_ALL: 'C.UTF-8', TERM: 'xterm', ...env },
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdin?.on('error', () => undefined)
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.shown += text
      this.#tell()
    })
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (status) => {
        this.#hasEnded = true
        this.#tell()
        resolve(status)
      })
    })
  }

  /** Presses keys; `\r` is Enter, `\u0003` is Ctrl-C. */
  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Resolves when this was shown; fails when the program ends without having shown it. */
  shows(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = pattern.exec(this.shown)
        if (found === null && !this.#hasEnded) return
        this.#listeners.delete(look)
        if (found !== null) resolve(found)
        else reject(new Error(`It ended without ${pattern}:\n${this.shown}`))
      }
      this.#listeners.add(look)
      look()
    })
  }

  /** Hangs up, if the program still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGTERM')
    await this.ended
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
