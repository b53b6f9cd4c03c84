import type { Core } from '../app/core.ts'
import { SyncError, errorCodes, type ErrorCode } from '../base/errors.ts'
import type { SourceEntry, SourceStatus } from '../engine/registry.ts'
import type { Progress } from './progress.ts'
import type { WorkHere } from './work-here.ts'

/** How often another process's progress is looked at, in milliseconds. */
const lookMs = 250
/** How often the line of progress changes, in milliseconds. */
const showMs = 200

export interface Wait {
  /** A drive that does not answer is waited for so long. */
  readonly patienceMs: number
  readonly progress: Progress
  /** Takes over when the process that does the work ends. */
  readonly work: WorkHere
}

/** Waits until nothing of the source is owed any more, whoever does the work. Throws when it needs a person, or never answered. */
export async function waitForSource(
  core: Core,
  source: SourceEntry,
  { patienceMs, progress, work }: Wait,
): Promise<SourceStatus> {
  const patience = new Patience(patienceMs)
  let shownMs = Number.NEGATIVE_INFINITY
  try {
    while (await core.registry.isBusy(source.id)) {
      const nowMs = core.clock.elapsed()
      if (nowMs - shownMs >= showMs) {
        shownMs = nowMs
        await work.see()
        const status = await statusOf(core, source)
        progress.show(status)
        if (status.state === 'paused') throw pausedError(status)
        const isOver = patience.isOver(status, nowMs)
        if (status.state === 'stopped' || isOver) throw failureOf(status)
        if (patience.isBeginning(nowMs)) progress.rests(status, patienceMs)
      }
      await nextChange(core)
    }
    return await statusOf(core, source)
  } finally {
    progress.end(source.id)
  }
}

/** How long a drive may rest before nobody waits for it any more: not at all if it has never answered. */
class Patience {
  readonly #patienceMs: number
  #restingSinceMs: number | null = null

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  isOver({ state, lastRound, counts }: SourceStatus, nowMs: number): boolean {
    if (state !== 'resting') {
      this.#restingSinceMs = null
      return false
    }
    this.#restingSinceMs ??= nowMs
    const isNew = lastRound === null && counts.done === 0
    return isNew || nowMs - this.#restingSinceMs > this.#patienceMs
  }

  /** Whether it was seen for the first time just now that the drive rests. */
  isBeginning(nowMs: number): boolean {
    return this.#restingSinceMs === nowMs
  }
}

async function statusOf(core: Core, source: SourceEntry): Promise<SourceStatus> {
  const status = await core.registry.sourceStatus(source.id)
  if (status !== null) return status
  throw new SyncError('bad-input', `The source ${source.name} was removed.`)
}

function pausedError({ name }: SourceStatus): SyncError {
  return new SyncError('bad-input', `${name} is paused: roundelay source resume ${name}`)
}

function failureOf({ name, lastError }: SourceStatus): SyncError {
  const code = lastError?.code ?? 'unavailable'
  const isKnown = (text: string): text is ErrorCode => text in errorCodes
  const message = `${name}: ${lastError?.message ?? 'it does not answer'}`
  return new SyncError(isKnown(code) ? code : 'unavailable', message)
}

/** Resolves at the next turn taken here, or a little later. What waits is a sleep: it keeps the process alive when nothing else does. */
async function nextChange({ changes, clock }: Core): Promise<void> {
  const changed = new AbortController()
  const stop = changes.subscribe(() => changed.abort())
  await clock.sleep(lookMs, changed.signal).catch(() => undefined)
  stop()
}
