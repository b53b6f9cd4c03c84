import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Random } from '../../src/base/random.ts'
import type { Order, Report } from './stress-words.ts'

/** What the processes run: compiled once, so that another one begins in a moment. Beside the packages it needs. */
export async function compileClaimers(): Promise<AsyncDisposable & { readonly script: string }> {
  const folder = await mkdtemp(
    fileURLToPath(new URL('../../node_modules/.stress-', import.meta.url)),
  )
  const script = join(folder, 'claimer-process.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('claimer-process.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  return { script, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

export interface ClaimerFleetParts {
  readonly url: string
  readonly script: string
  readonly random: Random
}

/** Processes that claim from one database; each that is killed is followed by another one. */
export class ClaimerFleet {
  /** What processes told that must not be. */
  readonly faults: string[] = []
  /** What became of the results, as told by those that were stopped in order. */
  readonly counts: object[] = []
  kills = 0
  readonly #parts: ClaimerFleetParts
  readonly #processes: Process[] = []
  #isChanged = false

  constructor(parts: ClaimerFleetParts) {
    this.#parts = parts
  }

  async start(processes: number): Promise<void> {
    for (let n = 0; n < processes; n++) this.#begin()
    await Promise.all(this.#processes.map(({ started }) => started))
  }

  /** Kills one of them, as `kill -9` does, and begins another one; resolves when that works. */
  async kill(): Promise<void> {
    const at = Math.floor(this.#parts.random() * this.#processes.length)
    const [process] = this.#processes.splice(at, 1)
    process?.child.kill('SIGKILL')
    this.kills++
    await this.#begin().started
  }

  /** People change all drives, as every process sees them. */
  async change(): Promise<void> {
    this.#isChanged = true
    await Promise.all(this.#processes.map((process) => process.told('change', 'changed')))
  }

  /** Each lets go of what it has. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.told('stop', 'stopped')))
    await Promise.all(this.#processes.splice(0).map(({ ended }) => ended))
  }

  [Symbol.dispose](): void {
    for (const { child } of this.#processes) child.kill('SIGKILL')
  }

  #begin(): Process {
    const { url, script, random } = this.#parts
    const args = [url, String(Math.floor(random() * 2 ** 32)), this.#isChanged ? 'yes' : 'no']
    const process = new Process(script, args, {
      onReport: (report) => {
        if (report.type === 'fault') this.faults.push(report.text)
        if (report.type === 'stopped') this.counts.push(...report.counts)
      },
    })
    this.#processes.push(process)
    return process
  }
}

class Process {
  readonly child: ChildProcess
  readonly started: Promise<void>
  readonly ended: Promise<void>

  constructor(
    script: string,
    args: readonly string[],
    { onReport }: { readonly onReport: (report: Report) => void },
  ) {
    this.child = fork(script, args)
    this.child.on('message', onReport)
    this.ended = new Promise((resolve) => this.child.once('exit', () => resolve()))
    this.started = this.#says('started')
  }

  /** Tells it something and waits for its answer. */
  async told(order: Order, answer: Report['type']): Promise<void> {
    const answered = this.#says(answer)
    this.child.send(order)
    await answered
  }

  #says(type: Report['type']): Promise<void> {
    return new Promise((resolve, reject) => {
      const hear = (report: Report): void => {
        if (report.type === type) resolve()
      }
      this.child.on('message', hear)
      this.child.once('exit', () => reject(new Error(`it ended before it said ${type}`)))
    })
  }
}
