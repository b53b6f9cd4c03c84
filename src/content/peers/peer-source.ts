import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Batch, Opened, Source } from '../../engine/source.ts'
import type { ContentEffect } from '../content-store.ts'
import { aheadMs } from '../unlisted.ts'
import { withBeats } from './beats.ts'
import type { Intake } from './intake.ts'
import type { ChangePage } from './change-page.ts'
import type { PeerClient, Position } from './peer-client.ts'
import type { SnapshotIntake } from './snapshot-intake.ts'
import { readStep, stepText, type Step } from './step.ts'

export interface PeerSourceParts {
  readonly sourceId: number
  readonly client: PeerClient
  readonly intake: Pick<Intake, 'take'>
  readonly snapshots: Pick<SnapshotIntake, 'take' | 'hold' | 'fetch' | 'cut' | 'part'>
  readonly clock: Clock
  /** Told when the peer is not asked any more. */
  readonly onClose: () => void
}

/** Changes are read again for so long before the newest one seen, in milliseconds: a peer may commit late. */
export const overlapMs = 30_000
/** The same before the oldest of its snapshots was made, as the network's own servers do. */
const firstOverlapMs = 20 * 60_000
/** The snapshots of a peer that is followed are looked at so often, in milliseconds. */
const lookMs = 6 * 3_600_000
/** The same while some of them are not gone through. */
const lookAgainMs = 60_000

/**
 * A content node as a source (ADR-103): a feed whose pages hold deployments. A full listing takes the snapshots that
 * nobody has gone through yet, and the changes since the oldest of them was made, or behind what they reach to; then
 * changes are followed. Which comes first does not matter, for the result does not depend on the order.
 */
export class PeerSource implements Source {
  readonly shape = 'feed'
  readonly #parts: PeerSourceParts
  #lookAtMs = 0

  constructor(parts: PeerSourceParts) {
    this.#parts = parts
  }

  async *list(text: string | null, signal: AbortSignal): AsyncIterable<Batch> {
    const step = text === null ? null : readStep(text)
    if (step === null) yield await this.#begin(signal)
    else if (step.do === 'follow') yield* this.#follow(step, signal)
    else if (step.do === 'unlisted') yield* this.#unlisted(step, signal)
    else if (step.do === 'snapshot') yield* this.#snapshot(step.hash, signal)
    else yield* this.#part(step, signal)
  }

  async open(): Promise<Opened> {
    throw new SyncError('internal', 'A peer has no items to open.')
  }

  async stat(): Promise<never> {
    throw new SyncError('internal', 'A peer has no items to look at.')
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#parts.client.snapshots(signal)
  }

  async close(): Promise<void> {
    this.#parts.onClose()
    await this.#parts.client.close()
  }

  async #begin(signal: AbortSignal): Promise<Batch> {
    const { client } = this.#parts
    const offers = await client.snapshots(signal)
    const next = await this.#look(offers)
    const ends = offers.map(({ range }) => range.end)
    const made = offers.map(({ generatedMs }) => generatedMs ?? Math.max(...ends))
    const earlierMs = client.isOwnKind ? overlapMs : firstOverlapMs
    // What was deployed today is in no snapshot, and may be older than all of them.
    const firstOfTodayMs = Math.max(0, ...ends) - aheadMs
    const since = Math.max(0, Math.min(firstOfTodayMs, ...made.map((ms) => ms - earlierMs)))
    next.push({ do: 'follow', seen: since, from: since })
    if (client.isOwnKind) next.push({ do: 'unlisted', from: 0 })
    return { changes: [], next: next.map((step) => ({ step: stepText(step) })) }
  }

  async #look(offers: Parameters<SnapshotIntake['take']>[0]): Promise<Step[]> {
    const { snapshots, sourceId, clock } = this.#parts
    const { hashes, isAllDone } = await snapshots.take(offers, sourceId)
    this.#lookAtMs = clock.elapsed() + (isAllDone ? lookMs : lookAgainMs)
    return hashes.map((hash) => ({ do: 'snapshot', hash }))
  }

  async *#follow(step: Following, signal: AbortSignal): AsyncIterable<Batch> {
    const { client, clock } = this.#parts
    const next: Step[] = []
    // Not in the middle of a round.
    if (step.isMore !== true && this.#lookAtMs <= clock.elapsed()) {
      next.push(...(await this.#look(await client.snapshots(signal))))
    }
    const position = positionOf(step)
    // In the time that a step has: a peer that trickles does not keep its slot.
    const page = client.isOwnKind
      ? await client.freshest(position, { isUnlisted: false, signal })
      : await client.changes(position, signal)
    yield* this.#effects(this.#intake(page.offers, signal))
    if (page.isFull && page.next !== null) {
      next.push({ do: 'follow', seen: seenOf(step, page), ...page.next, isMore: true })
    }
    const cursor = stepText(this.#cursor(step, page))
    yield { changes: [], next: next.map((each) => ({ step: stepText(each) })), cursor }
  }

  /**
   * Where the next round goes on. A peer of our own kind commits in the order of its local times: right behind the last
   * one, as long as its clock is no earlier than they are. Others are read again for a while.
   */
  #cursor(step: Following, page: ChangePage): Following {
    const seen = seenOf(step, page)
    const last = page.next ?? positionOf(step)
    const isAhead = page.dateMs !== null && last.from > page.dateMs + overlapMs
    if (this.#parts.client.isOwnKind && !isAhead) return { do: 'follow', seen, ...last }
    const from = Math.max(0, Math.min(seen, page.dateMs ?? seen) - overlapMs)
    return { do: 'follow', seen, from }
  }

  async *#unlisted(
    step: Extract<Step, { do: 'unlisted' }>,
    signal: AbortSignal,
  ): AsyncIterable<Batch> {
    const page = await this.#parts.client.freshest(positionOf(step), { isUnlisted: true, signal })
    yield* this.#effects(this.#intake(page.offers, signal))
    const more = page.isFull && page.next !== null ? [page.next] : []
    yield { changes: [], next: more.map((at) => ({ step: stepText({ do: 'unlisted', ...at }) })) }
  }

  async *#snapshot(hash: string, signal: AbortSignal): AsyncIterable<Batch> {
    const { snapshots, sourceId, clock } = this.#parts
    const onBeat = (): Promise<void> => snapshots.hold(hash, sourceId)
    const cut = (until: AbortSignal): ReturnType<typeof snapshots.cut> =>
      snapshots.cut(hash, sourceId, until)
    const parts = yield* withBeats(cut, { clock, signal, onBeat })
    const next = parts.map((part) => ({ step: stepText({ do: 'part', hash, ...part }) }))
    yield { changes: [], next }
  }

  async *#part(step: Extract<Step, { do: 'part' }>, signal: AbortSignal): AsyncIterable<Batch> {
    const { snapshots, sourceId, clock } = this.#parts
    const fetch = (until: AbortSignal): Promise<unknown> =>
      snapshots.fetch(step.hash, sourceId, until)
    yield* withBeats(fetch, { clock, signal })
    yield* this.#effects(snapshots.part(step, sourceId, signal))
  }

  #intake(
    offers: Parameters<Intake['take']>[0],
    signal: AbortSignal,
  ): AsyncIterable<ContentEffect> {
    const { intake, sourceId } = this.#parts
    return intake.take(offers, { sourceId, snapshotHash: null }, signal)
  }

  async *#effects(effects: AsyncIterable<ContentEffect>): AsyncIterable<Batch> {
    for await (const effect of effects) yield { changes: [], effect }
  }
}

type Following = Extract<Step, { do: 'follow' }>

/** What a peer tells of the future does not move us there. */
function seenOf({ seen }: Following, { next, dateMs }: ChangePage): number {
  return Math.max(seen, Math.min(next?.from ?? 0, dateMs ?? Number.MAX_SAFE_INTEGER))
}

function positionOf({ from, lastId }: { from: number; lastId?: string }): Position {
  return lastId === undefined ? { from } : { from, lastId }
}
