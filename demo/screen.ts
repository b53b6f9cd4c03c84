/** A person's line: how far her library is. */
export interface Standing {
  readonly name: string
  readonly done: number
  readonly total: number
  readonly remark: string
}

/** Where the demo shows itself: lines that stay, and, on a terminal, a picture below them that is redrawn. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  #drawn = 0

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
  }

  get isLive(): boolean {
    return this.#out.isTTY
  }

  say(line = ''): void {
    this.#erase()
    this.#out.write(`${line}\n`)
  }

  /** The turns so far and everybody's progress; without a terminal it says nothing. */
  draw(turns: readonly string[], standings: readonly Standing[]): void {
    if (!this.isLive) return
    this.#erase()
    const width = Math.max(40, (this.#out.columns || 80) - 1)
    const lines = ['', `  turns  ${tail(turns, width - 12)}`, '', ...standings.map(barOf), '']
    for (const line of lines) this.#out.write(`${line.slice(0, width)}\n`)
    this.#drawn = lines.length
  }

  /** What was drawn stays as it is. */
  keep(): void {
    this.#drawn = 0
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }
}

const barWidth = 24

function barOf({ name, done, total, remark }: Standing): string {
  const filled = total === 0 ? 0 : Math.round((done / total) * barWidth)
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
  return `  ${name.padEnd(8)} ${bar} ${String(done).padStart(2)} of ${String(total).padStart(2)}  ${remark}`
}

/** The last names that fit. */
function tail(turns: readonly string[], width: number): string {
  let text = ''
  for (let index = turns.length - 1; index >= 0; index--) {
    const longer = `${turns[index] ?? ''} ${text}`
    if (longer.length > width) return `… ${text}`
    text = longer
  }
  return text
}
