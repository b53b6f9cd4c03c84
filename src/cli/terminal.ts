import { readFileSync } from 'node:fs'
import { SyncError, asSyncError } from '../base/errors.ts'

/** What a command reads from and writes to: results go to the standard output, all else to the standard error. */
export interface Terminal {
  /** A line for the person, or the machine, that asked. */
  say(line: string): void
  /** A line that the next one replaces; says nothing where lines cannot be replaced. */
  show(line: string): void
  /** A line about what is going on. */
  note(line: string): void
  /** What went wrong, and what to do next. */
  complain(error: unknown): void
  /** Whether there is somebody to ask. */
  readonly canAsk: boolean
  /** Asks without showing what is typed. Throws `bad-input` where nobody can answer. */
  askSecret(question: string): Promise<string>
  /** All of the standard input. */
  readInput(): string
}

/** Characters that would move the cursor, colour or overwrite: names and tags come from strangers. */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Safe to print, whatever it was. */
export function printable(text: string): string {
  return text.replace(unprintable, '\u{fffd}')
}

export const terminal: Terminal = {
  say: (line) => {
    clearShown()
    process.stdout.write(`${line}\n`)
  },
  show: (line) => {
    const { stderr } = process
    if (!stderr.isTTY) return
    clearShown()
    // A terminal that does not know its width says 0.
    stderr.write(line.slice(0, Math.max(20, (stderr.columns || 80) - 1)))
    isShown = true
  },
  note: (line) => {
    clearShown()
    process.stderr.write(`${line}\n`)
  },
  complain: (error) => {
    clearShown()
    const { code, message, hint } = asSyncError(error)
    // What was typed wrongly the message itself tells best.
    const next = code === 'bad-input' ? '' : `  ${hint}\n`
    process.stderr.write(`roundelay: ${printable(message)} [${code}]\n${next}`)
  },
  get canAsk() {
    return process.stdin.isTTY && process.stderr.isTTY
  },
  askSecret: askHidden,
  readInput: () => readFileSync(0, 'utf8'),
}

/** Whether a line of progress stands on the standard error now. */
let isShown = false

function clearShown(): void {
  if (isShown) process.stderr.write('\r\u001b[2K')
  isShown = false
}

/** Characters of a secret that is typed. */
const maxSecret = 1_024

async function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process
  if (!terminal.canAsk) {
    throw new SyncError(
      'bad-input',
      'A password is needed and nobody can be asked for it: give --password-file or --password-stdin.',
    )
  }
  // First, or what somebody types at once is shown.
  stdin.setRawMode(true)
  stderr.write(question)
  stdin.setEncoding('utf8')
  let typed = ''
  try {
    for await (const chunk of stdin) {
      for (const key of String(chunk)) {
        if (key === '\r' || key === '\n') return typed
        if (key === '\u0003') throw new SyncError('cancelled', 'No password was given.')
        if (key === '\u007f') typed = typed.slice(0, -1)
        else if (typed.length < maxSecret) typed += key
      }
    }
    return typed
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

/** Columns as wide as what stands in them; the last one as long as it likes. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `3:07` or `1:02:45`. */
export function playingTime(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  const two = (part: number): string => String(part).padStart(2, '0')
  const hours = Math.floor(seconds / 3_600)
  const minutes = Math.floor(seconds / 60) % 60
  const rest = two(seconds % 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`
}
