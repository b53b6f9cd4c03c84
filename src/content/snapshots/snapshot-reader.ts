import type { Buffer } from 'node:buffer'
import { throwIfAborted } from '../../base/abort.ts'
import { SyncError } from '../../base/errors.ts'
import type { DeploymentOffer } from '../entity.ts'
import { isForeign, parseOffer } from '../offer.ts'
import { LineCutter } from './line-cutter.ts'

/** A deployment that a snapshot offers, and at which byte of the file its line begins. */
export interface SnapshotLine {
  readonly start: number
  readonly offer: DeploymentOffer
}

/** What was found in some of a snapshot's bytes. */
export interface SnapshotLines {
  readonly lines: readonly SnapshotLine[]
  /** Lines that are no deployment: there may be something in this snapshot that is not known. */
  readonly unreadable: number
  /** Lines that tell of a kind of entity which this version does not know. */
  readonly foreign: number
}

/** Bytes; what is longer counts as unreadable: pointers and chain of any entity, and each character of theirs escaped, are less. */
export const maxLineBytes = 2 * 1_024 * 1_024

/**
 * Reads a snapshot, or a part of one that begins with the byte `start`: what came with each piece of `source`, never
 * more than a line beyond it. No content makes it throw; what the source throws goes through.
 */
export async function* snapshotLines(
  source: AsyncIterable<Uint8Array>,
  start = 0,
): AsyncGenerator<SnapshotLines> {
  let found = new Findings()
  const cutter = new LineCutter({ maxLineBytes, start }, (line, at) => found.add(line, at))
  for await (const bytes of source) {
    cutter.feed(bytes)
    if (found.isEmpty) continue
    yield found
    found = new Findings()
  }
  cutter.end()
  if (!found.isEmpty) yield found
}

/** Bytes that no deployment gets by with: its two hashes alone take 92. */
const minLineBytes = 128
/** Lines shorter than that, remarks among them: next to nothing unpacks to any number of them, each of which is looked at. */
const maxShortLines = 100_000
/** Bytes of a part, and a line: all of it is held at once. */
const maxPartBytes = 1_024 * 1_024

/**
 * At which bytes the parts of a snapshot begin that have `linesPerPart` deployments each, or fewer where those are long
 * and in the last one; none when nothing is in it. A part ends where the next one begins, so that a file can be gone
 * through with pauses. Throws `protocol` when hardly any of its lines could be a deployment.
 */
export async function partStarts(
  source: AsyncIterable<Uint8Array>,
  linesPerPart: number,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const starts: number[] = []
  let lines = linesPerPart
  let shortLines = 0
  const cutter = new LineCutter({ maxLineBytes, start: 0 }, (line, start) => {
    const isShort = line !== null && line.length < minLineBytes
    if (isShort && ++shortLines > maxShortLines) {
      throw new SyncError(
        'protocol',
        `More than ${maxShortLines} lines are too short for anything.`,
      )
    }
    if (line !== null && isRemark(line)) return
    if (lines === linesPerPart || start >= (starts.at(-1) ?? 0) + maxPartBytes) {
      starts.push(start)
      lines = 0
    }
    if (!isShort) lines++
  })
  for await (const bytes of source) {
    throwIfAborted(signal, 'Cutting a snapshot')
    cutter.feed(bytes)
  }
  cutter.end()
  return starts
}

class Findings implements SnapshotLines {
  readonly lines: SnapshotLine[] = []
  unreadable = 0
  foreign = 0

  get isEmpty(): boolean {
    return this.lines.length === 0 && this.unreadable === 0 && this.foreign === 0
  }

  add(line: Buffer | null, start: number): void {
    if (line !== null && isRemark(line)) return
    const value = line === null ? undefined : jsonOf(line)
    const offer = parseOffer(value)
    if (offer !== null) this.lines.push({ start, offer })
    else if (isForeign(value)) this.foreign++
    else this.unreadable++
  }
}

/** A line with nothing on it, or one that begins as the heading does. */
function isRemark(line: Buffer): boolean {
  if (line[0] === brace) return false
  const text = line.toString('latin1').trim()
  return text === '' || text.startsWith('###')
}

function jsonOf(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch {
    return undefined
  }
}

const brace = 0x7b
