import type { ErrorCode } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Fault, Operation } from '../../src/drives/memory/faults.ts'
import type { MemoryDrive } from '../../src/drives/memory/memory-drive.ts'

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!
}

/** Something goes wrong with a drive from now on: it dies, hangs, lies or forgets. What comes back makes it well again. */
export function harm(drive: MemoryDrive, random: Random): () => void {
  if (random() < 0.1) {
    drive.expireCursors()
    return () => undefined
  }
  if (random() < 0.15) {
    // One place deep down cannot be listed, once.
    const at = pick(random, ['a', 'a/x', 'a/x/y', 'c', 'c/z'])
    return drive.inject({ on: 'list', at, does: 'fail', code: 'too-big', times: 1 })
  }
  return drive.inject(faultOf(drive, random))
}

function faultOf({ shape }: MemoryDrive, random: Random): Fault {
  const on = pick<Operation | 'any'>(random, ['list', 'open', 'stat', 'check', 'any'])
  const times = pick(random, [1, 3, 8, 1_000])
  const code = codeFor(on, random)
  const wish = code === 'rate-limited' ? { retryAfterMs: 90_000 } : {}
  return pick<Fault>(random, [
    { on, does: 'fail', code, times },
    { on, does: 'fail', code, times: 1, ...wish },
    { on, does: 'hang', times },
    { on: 'open', does: 'slow', ms: 7_000, times },
    { on: 'list', does: 'slow', ms: 40_000, times },
    { on: 'open', does: 'cut', after: 3, times },
    { on: 'list', does: 'cut', after: 3, times },
    { on: 'open', does: 'stall', after: 2, times: 3 },
    { on: 'open', does: 'change', after: 2, times: 2 },
    // A feed that hides its news behind a new cursor cannot be found out by anybody; nor can, before versions are
    // not trusted any more, a place that shows nothing of what it holds.
    shape === 'tree'
      ? { on: 'list', at: '', does: 'empty', times }
      : { on: 'list', does: 'fail', code: 'interrupted', times },
    { on: 'list', does: 'repeat', times: 3 },
  ])
}

function codeFor(on: Operation | 'any', random: Random): ErrorCode {
  return pick<ErrorCode>(random, [
    'unreachable',
    'timeout',
    'rate-limited',
    'not-found',
    'internal',
    'auth',
    // Of a file it would be the last word; of a place it is one of the ways in which a round gets unclean.
    on === 'list' ? 'too-big' : 'interrupted',
  ])
}
