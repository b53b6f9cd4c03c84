import type { Observer } from '../../src/engine/engine.ts'
import type { Claim, Result } from '../../src/engine/task.ts'
import type { World } from './world.ts'

/** Serves of others that an owner with something to read may have to wait for: two others of weight three get four each. */
const maxWait = 9

/** Looks at every turn of a world and writes down what breaks a law. */
export class Watch implements Observer {
  readonly broken: string[] = []
  #world: World | null = null
  #turns = 0
  #lastFence = 0
  readonly #latest = new Map<string, { readonly fence: number; readonly turn: number }>()
  readonly #waits = new Map<number, number>()

  look(world: World): void {
    this.#world = world
  }

  claimed(claim: Claim): void {
    if (claim.fence <= this.#lastFence) this.#breaks(`L1 fence ${claim.fence} was given before`)
    this.#lastFence = claim.fence
    this.#latest.set(workOf(claim), { fence: claim.fence, turn: this.#turns })
    if (claim.pool === 'read') this.#serve(claim.ownerId)
  }

  ended(claim: Claim, _result: Result, isHeld: boolean): void {
    if (!isHeld || this.#world === null) return
    const { fence, untilMs } = claim
    if (this.#world.clock.now() >= untilMs)
      this.#breaks(`L2 fence ${fence} counted after its lease`)
    const latest = this.#latest.get(workOf(claim))
    // A task may be claimed anew in the very turn that writes its result.
    if (latest !== undefined && latest.fence !== fence && latest.turn < this.#turns - 1) {
      this.#breaks(`L2 fence ${fence} counted though ${latest.fence} holds ${workOf(claim)}`)
    }
  }

  turned(): void {
    this.#turns++
    this.examine()
    if (this.#world?.policy.charge === 'tasks') this.#findStarved(this.#world)
  }

  /** Looks at the rows as they are. */
  examine(): void {
    // A person's change may be half written.
    if (this.#world === null || this.#world.kept.isHalfWritten) return
    for (const fault of this.#world.kept.faults()) this.#breaks(fault)
  }

  #serve(ownerId: number): void {
    for (const [other, wait] of this.#waits) this.#waits.set(other, wait + 1)
    this.#waits.set(ownerId, 0)
  }

  #findStarved({ kept }: World): void {
    const waiting = kept.waitingOwners()
    for (const [owner, wait] of this.#waits) {
      if (!waiting.includes(owner)) this.#waits.delete(owner)
      else if (wait > maxWait) this.#breaks(`T4 owner ${owner} waits while others are served`)
    }
    for (const owner of waiting) if (!this.#waits.has(owner)) this.#waits.set(owner, 0)
  }

  #breaks(law: string): void {
    if (this.broken.length < 5) this.broken.push(law)
  }
}

/** What a claim is about: no two at a time may be about the same. A drive may tell of a step twice; it is listed twice. */
function workOf(claim: Claim): string {
  if (claim.kind === 'read') return `item ${claim.item.rowId}`
  return claim.kind === 'settle' ? `the end of ${claim.roundId}` : `list ${claim.fence}`
}
