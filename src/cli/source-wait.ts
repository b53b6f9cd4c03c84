import type { Core } from '../app/core.ts'
import { SyncError, errorCodes, type ErrorCode } from '../base/errors.ts'
import type { SourceEntry, SourceStatus } from '../engine/registry.ts'
import type { Terminal } from './terminal.ts'
import type { WorkHere } from './work-here.ts'

/** How often another process's progress is looked at, in milliseconds. */
const lookMs = 250
/** How often the line of progress changes, in milliseconds. */
const showMs = 200

export interface Wait {
  /** A drive that does not answer is waited for so long. */
  readonly patienceMs: number
  readonly terminal: Terminal
  /** Takes over when the process that does the work ends. */
  readonly work: WorkHere
}

/** Waits until nothing of the source is owed any more, whoever does the work. Throws when it needs a person, or never answered. */
export async function waitForSource(
  core: Core,
  source: SourceEntry,
  { patienceMs, terminal, work }: Wait,
): Promise<SourceStatus> {
  const patience = new Patience(patienceMs)
  let shownMs = Number.NEGATIVE_INFINITY
  while (await core.registry.isBusy(source.id)) {
    const nowMs = core.clock.elapsed()
    if (nowMs - shownMs >= showMs) {
      shownMs = nowMs
      await work.see()
      const status = await statusOf(core, source)
      show(status, terminal)
      if (status.state === 'stopped' || patience.isOver(status, nowMs)) throw failureOf(status)
    }
    await nextChange(core)
  }
  return statusOf(core, source)
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
}

async function statusOf(core: Core, source: SourceEntry): Promise<SourceStatus> {
  const status = await core.registry.sourceStatus(source.id)
  if (status !== null) return status
  throw new SyncError('bad-input', `The source ${source.name} was removed.`)
}

function show({ name, state, counts }: SourceStatus, terminal: Terminal): void {
  const { done, waiting, running, skipped, failed } = counts
  const troubles = skipped + failed === 0 ? '' : `, ${skipped + failed} skipped`
  terminal.show(`${name}: ${state}, ${done} read, ${waiting + running} to do${troubles}`)
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
