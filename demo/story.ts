import { setTimeout as sleep } from 'node:timers/promises'
import type { Service } from '../src/app/service.ts'
import type { Observer } from '../src/engine/engine.ts'
import type { Owner, SourceEntry, SourceStatus } from '../src/engine/registry.ts'
import type { Claim } from '../src/engine/task.ts'
import type { DriveServer } from './drive-server.ts'
import type { Screen, Standing } from './screen.ts'

export interface Person {
  readonly name: string
  readonly owner: Owner
  readonly source: SourceEntry
  readonly drive: DriveServer
}

/** Whose drive is switched off in the middle, when so many of his files are read, and for how long. */
const unlucky = 'Bob'
const readBefore = 4
const offMs = 2_500
/** How often the picture is redrawn, in milliseconds. */
const frameMs = 120
/** Names on a line where there is no terminal to draw on. */
const namesPerLine = 12
/** The demo gives up after so long, in milliseconds. */
const patienceMs = 60_000

/** Watches who gets a slot, shows it, and switches a drive off and on again. */
export class Story implements Observer {
  readonly #screen: Screen
  readonly #people: Person[] = []
  readonly #turns: string[] = []
  #standings: readonly Standing[] = []
  #told = 0
  #comingBack: Promise<void> = Promise.resolve()
  /** Why the drive did not come back. */
  #mishap: unknown = null
  #power: 'on' | 'off' | 'on again' = 'on'

  constructor(screen: Screen) {
    this.#screen = screen
  }

  add(person: Person): void {
    this.#people.push(person)
  }

  claimed(claim: Claim): void {
    if (claim.kind !== 'read') return
    const person = this.#people.find(({ owner }) => owner.id === claim.ownerId)
    if (person !== undefined) this.#turns.push(person.name)
  }

  /** Until every library is complete, or somebody stops it. Throws when that takes too long. */
  async run({ core }: Service, signal: AbortSignal): Promise<void> {
    const endMs = performance.now() + patienceMs
    for (;;) {
      const all = await Promise.all(
        this.#people.map(({ source }) => core.registry.sourceStatus(source.id)),
      )
      const statuses = all.flatMap((status) => (status === null ? [] : [status]))
      this.#show(statuses)
      await this.#trouble(statuses, signal)
      if (this.#mishap !== null) throw this.#mishap
      const busy = await Promise.all(
        this.#people.map(({ source }) => core.registry.isBusy(source.id)),
      )
      if (!busy.includes(true)) break
      if (performance.now() > endMs) throw new Error('The libraries were not complete in time.')
      await sleep(frameMs, undefined, { signal })
    }
    this.#tellTurns(1)
    this.#screen.keep()
  }

  async end(): Promise<void> {
    // Or it would be switched on behind our back.
    await this.#comingBack
    for (const { name, drive } of this.#people) {
      if (name !== unlucky || this.#power !== 'off') await drive.switchOff()
    }
  }

  async #trouble(statuses: readonly SourceStatus[], signal: AbortSignal): Promise<void> {
    const person = this.#people.find(({ name }) => name === unlucky)
    const status = statuses.find(({ id }) => id === person?.source.id)
    if (person === undefined || status === undefined) return
    if (this.#power === 'on' && status.counts.done >= readBefore) {
      this.#power = 'off'
      await person.drive.switchOff()
      this.#screen.say(`  -- ${unlucky}'s drive is switched off. The others go on.`)
      this.#comingBack = this.#comeBack(person.drive, signal).catch((error: unknown) => {
        this.#mishap = error
      })
    }
  }

  async #comeBack(drive: DriveServer, signal: AbortSignal): Promise<void> {
    await sleep(offMs, undefined, { signal })
    await drive.switchOn()
    this.#screen.say(`  -- ${unlucky}'s drive is back.`)
    this.#power = 'on again'
  }

  #show(statuses: readonly SourceStatus[]): void {
    this.#standings = statuses.map((status) => this.#standing(status))
    this.#screen.draw(this.#turns, this.#standings)
    if (!this.#screen.isLive) this.#tellTurns(namesPerLine)
  }

  #standing({ id, counts, state }: SourceStatus): Standing {
    const { done, waiting, running, skipped, failed } = counts
    const name = this.#people.find(({ source }) => source.id === id)?.name ?? ''
    const isOff = name === unlucky && this.#power === 'off'
    const remark = isOff || state === 'resting' ? 'switched off' : ''
    return { name, done, total: done + waiting + running + skipped + failed, remark }
  }

  /** The names since the last line, where at least `least` have come together. */
  #tellTurns(least: number): void {
    while (this.#turns.length - this.#told >= least) {
      const names = this.#turns.slice(this.#told, this.#told + namesPerLine)
      this.#told += names.length
      this.#screen.say(`  ${names.join(' ')}`)
      if (this.#screen.isLive) continue
      const progress = this.#standings.map(({ name, done, total }) => `${name} ${done} of ${total}`)
      this.#screen.say(`      ${progress.join(', ')}`)
    }
  }
}
