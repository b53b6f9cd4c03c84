import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { it } from 'vitest'
import type { ErrorCode } from '../../src/base/errors.ts'
import type { FailedTask } from '../../src/engine/operations.ts'
import type { Charge } from '../../src/engine/policy.ts'
import type { Turn } from '../../src/engine/task-store.ts'
import type { Claim, Result } from '../../src/engine/task.ts'
import {
  applied,
  asList,
  asRead,
  Bench,
  changed,
  checked,
  failed,
  file,
  found,
  listed,
  modelSubject,
  released,
  settled,
  sqliteSubject,
} from './bench.ts'

/**
 * The same life lived twice, on SQLite and on the model: whatever is served, in which order, and whatever is to be
 * seen of it afterwards must be the same.
 */
interface Twin<T> {
  readonly model: T
  readonly sqlite: T
}

/** What happens next; the numbers choose among what there is at that moment. */
interface Step {
  readonly does: (typeof deeds)[number]
  readonly which: number
  readonly how: number
}

const deeds = [
  ...Array<'work'>(12).fill('work'),
  ...Array<'time'>(4).fill('time'),
  'claim',
  'claim',
  'ask',
  'ask full',
  'pause',
  'plan',
  'confirm',
  'retry',
  'drop',
  'retry all',
  'drop all',
  'restart source',
  'pause process',
  'replace',
  'restart',
  'late',
  'break',
] as const

const times = [1, 7, 100, 1_000, 5_000, 10_000, 30_000, 60_000, 121_000, 600_000, 900_000, -90_000]

const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom(...deeds),
  which: fc.nat(997),
  how: fc.nat(9_973),
})

/** A claim as both stores gave it, and what was found on the way. */
interface Held extends Twin<Claim> {
  readonly seen: { model: number[]; sqlite: number[] }
}

const codes: readonly ErrorCode[] = [
  'internal',
  'unparsable',
  'timeout',
  'unreachable',
  'rate-limited',
  'not-found',
  'auth',
  'cursor-expired',
]

class Twins {
  readonly #model: Bench
  readonly #sqlite: Bench
  readonly #sources: Twin<number>[] = []
  readonly #owners: Twin<number>[] = []
  #held: Held[] = []
  #late: Held[] = []
  #added = 0

  private constructor(model: Bench, sqlite: Bench) {
    this.#model = model
    this.#sqlite = sqlite
  }

  static async start(charge: Charge): Promise<Twins> {
    const slots = { list: 2, read: 5 }
    const policy = { charge, slots, withholdAbove: 3, maxAttempts: 3, maxCrashes: 2 } as const
    const twins = new Twins(
      await Bench.open(modelSubject, policy),
      await Bench.open(sqliteSubject, policy),
    )
    await twins.#begin()
    return twins
  }

  async #begin(): Promise<void> {
    for (const [name, plan] of [
      ['a', 'free'],
      ['b', 'premium'],
      ['c', 'free'],
    ] as const) {
      const { model, sqlite } = await this.#both((bench) => bench.registry.addOwner(name, plan))
      this.#owners.push({ model: model.id, sqlite: sqlite.id })
    }
    for (const owner of [0, 1, 2, 0]) await this.#addSource(owner)
  }

  async close(): Promise<void> {
    await this.#sqlite.close()
  }

  async do(next: Step, n: number): Promise<void> {
    try {
      await this.#do(next)
    } catch (error) {
      throw new Error(`step ${n}, ${JSON.stringify(next)}: ${String(error)}`, { cause: error })
    }
  }

  async #do({ does, which, how }: Step): Promise<void> {
    const source = this.#sources[which % this.#sources.length]!
    if (does === 'work') await this.#work(which, how)
    else if (does === 'time') await this.#pass(times[how % times.length]!)
    else if (does === 'claim') await this.#turn([], how)
    else if (does === 'late') await this.#sayLate(which, how)
    else if (does === 'break') await this.#both((bench) => this.#break(bench, which, how))
    else if (does === 'restart') await this.#restart()
    else if (does === 'replace') await this.#replace(which, how)
    else await this.#both((bench, side) => command(bench, source[side], { does, which, how }))
    await this.#compare()
  }

  async #both<T>(run: (bench: Bench, side: 'model' | 'sqlite') => Promise<T>): Promise<Twin<T>> {
    return { model: await run(this.#model, 'model'), sqlite: await run(this.#sqlite, 'sqlite') }
  }

  async #addSource(owner: number): Promise<void> {
    const ids = this.#owners[owner]!
    this.#added++
    this.#sources.push(
      await this.#both(async (bench, side) => {
        const { id } = await bench.registry.addSource({
          ownerId: ids[side],
          name: `s${this.#added}`,
          kind: 'memory',
          address: 'memory:',
          settings: {},
          intervalMs: 300_000,
          password: null,
        })
        return id
      }),
    )
  }

  async #replace(which: number, how: number): Promise<void> {
    if (how % 3 !== 0) return
    const [source] = this.#sources.splice(which % this.#sources.length, 1)
    await this.#both(async (bench, side) => {
      await bench.registry.removeSource(source![side])
      // Until they are cleared away, delayed tasks of it may have a turn taken for nothing.
      while ((await bench.registry.clearRemoved(3)) > 0);
    })
    await this.#addSource(how % 2)
  }

  async #restart(): Promise<void> {
    await this.#both((bench) => bench.restart())
    this.#late.push(...this.#held)
    this.#held = []
  }

  async #pass(ms: number): Promise<void> {
    this.#model.pass(ms)
    this.#sqlite.pass(ms)
    await this.#turn([], 0)
  }

  /** From now on an effect of one file cannot be written, or all can again. */
  async #break(bench: Bench, which: number, how: number): Promise<void> {
    bench.shown.breaksOn = how % 2 === 0 ? null : `k${which % 12} v${how % 3}`
  }

  /** Ends a few of the tasks that are held, each in its own way. */
  async #work(which: number, how: number): Promise<void> {
    const count = Math.min(this.#held.length, 1 + (how % 4))
    const results: Twin<Result>[] = []
    const partial: Held[] = []
    for (let n = 0; n < count; n++) {
      const [held] = this.#held.splice((which + n * 31) % this.#held.length, 1)
      const result = this.#resultOf(held!, which + how + n)
      results.push(result)
      if (result.model.type === 'found') partial.push(held!)
      else this.#late.push(held!)
    }
    const { model, sqlite } = await this.#turn(results, how)
    const finds = results
      .map(({ model }, at) => ({ model, at }))
      .filter((each) => each.model.type === 'found')
    for (const [n, { at }] of finds.entries()) {
      partial[n]!.seen.model.push(...(model.acks[at]?.rows ?? []))
      partial[n]!.seen.sqlite.push(...(sqlite.acks[at]?.rows ?? []))
      this.#held.push(partial[n]!)
    }
    this.#late.splice(0, this.#late.length - 20)
  }

  async #sayLate(which: number, how: number): Promise<void> {
    const held = this.#late[which % Math.max(1, this.#late.length)]
    if (held !== undefined) await this.#turn([this.#resultOf(held, how)], how)
  }

  #resultOf(held: Held, chance: number): Twin<Result> {
    const twin = (make: (claim: Claim, side: 'model' | 'sqlite') => Result): Twin<Result> => ({
      model: make(held.model, 'model'),
      sqlite: make(held.sqlite, 'sqlite'),
    })
    const { kind } = held.model
    const isTree = this.#isTree(held.model.sourceId)
    if (chance % 11 === 0) return twin(released)
    if (chance % 7 === 0) {
      const code = codes[((chance / 7) % codes.length) | 0]!
      return twin((claim) => failed(claim, code, code === 'rate-limited' ? 30_000 : undefined))
    }
    if (kind === 'settle') {
      return twin((claim) =>
        settled(
          claim as Extract<Claim, { kind: 'settle' }>,
          (key) => (chance + key.length) % 4 === 0,
        ),
      )
    }
    if (kind === 'read') {
      return chance % 13 === 0
        ? twin((claim) =>
            changed(
              claim as Extract<Claim, { kind: 'read' }>,
              fileOf(chance, held.model as Extract<Claim, { kind: 'read' }>),
            ),
          )
        : twin((claim) => applied(claim, 1 + ((chance * 37) % 3_000)))
    }
    const { step } = asList(held.model)
    const items = listing(isTree ? (step ?? '') : '', chance)
    if (chance % 5 === 0) {
      return twin((claim) => found(claim as Extract<Claim, { kind: 'list' }>, items, { isTree }))
    }
    return twin((claim, side) => {
      const rest = { seen: held.seen[side], isTree }
      if (isTree) return listed(claim, items, { ...rest, next: placesBelow(step, chance) })
      const cursor = `c${chance % 50}`
      const next = chance % 3 === 0 ? [{ step: cursor }] : []
      return listed(claim, items, { ...rest, cursor, next, gone: [`k${chance % 12}`] })
    })
  }

  #isTree(modelId: number): boolean {
    return this.#sources.findIndex(({ model }) => model === modelId) % 2 === 0
  }

  async #turn(results: readonly Twin<Result>[], how: number): Promise<Twin<Turn>> {
    const free = how % 6 === 5 ? {} : { list: 1 + (how % 2), read: 1 + (how % 5) }
    const turns = await this.#both((bench, side) =>
      bench.turn(
        results.map((each) => each[side]),
        free,
      ),
    )
    const { model, sqlite } = turns
    const heldOf = (side: 'model' | 'sqlite'): boolean[] =>
      turns[side].acks.map(({ isHeld }) => isHeld)
    assert.deepEqual(heldOf('sqlite'), heldOf('model'))
    const claimsOf = (side: 'model' | 'sqlite'): object[] =>
      turns[side].claims.map((each) => this.#told(each, side))
    assert.deepEqual(claimsOf('sqlite'), claimsOf('model'))
    assert.equal(sqlite.nextMs, model.nextMs)
    const checksOf = (side: 'model' | 'sqlite'): number[] =>
      turns[side].checks.map((id) => this.#indexOf(id, side))
    assert.deepEqual(checksOf('sqlite'), checksOf('model'))
    for (const [n, claim] of model.claims.entries()) {
      this.#held.push({ model: claim, sqlite: sqlite.claims[n]!, seen: { model: [], sqlite: [] } })
    }
    if (model.checks.length > 0 && how % 4 !== 0) {
      const code = how % 3 === 0 ? 'unreachable' : undefined
      await this.#both((bench, side) =>
        bench.write(...turns[side].checks.map((id) => checked(id, code))),
      )
    }
    return turns
  }

  #indexOf(id: number, side: 'model' | 'sqlite'): number {
    return this.#sources.findIndex((source) => source[side] === id)
  }

  /** A claim without the numbers that each store gives as it likes. */
  #told(claim: Claim, side: 'model' | 'sqlite'): object {
    const { pool, slot, untilMs, fence, kind } = claim
    const base = { pool, slot, untilMs, fence, kind, source: this.#indexOf(claim.sourceId, side) }
    if (claim.kind === 'list') return { ...base, step: claim.step }
    if (claim.kind === 'settle') {
      return {
        ...base,
        asks: claim.candidates.map(({ item, isSaidGone }) => [item.key, isSaidGone]),
      }
    }
    const { item, known } = asRead(claim)
    const { key, version, path, size } = item
    return { ...base, key, version, path, size, known: known?.key ?? null }
  }

  async #compare(): Promise<void> {
    const { model, sqlite } = await this.#both(async (bench, side) => ({
      work: await workOf(bench),
      lanes: await bench.subject.lanes(),
      stalls: (await bench.store.stalls()).map(({ sourceId, sinceMs }) => [
        this.#indexOf(sourceId, side),
        sinceMs,
      ]),
      sources: await Promise.all(this.#sources.map((source) => lookOf(bench, source[side]))),
      owners: await Promise.all(
        this.#owners.map(async (owner) => (await bench.registry.ownerStatus(owner[side]))?.counts),
      ),
    }))
    assert.deepEqual(sqlite, model)
  }
}

async function lookOf(bench: Bench, id: number): Promise<object> {
  const { state, lastError, nextMs, lastRound, withheld, counts } = await bench.status(id)
  const troubles = await bench.registry.troubles(id, 50)
  return {
    state,
    lastError,
    nextMs,
    lastRound,
    withheld,
    counts,
    isBusy: await bench.registry.isBusy(id),
    troubles: troubles.map(({ path, state, code, message }) => [path, state, code, message]),
    shown: await bench.shown.of(id),
    sinceMs: bench.shown.sinceMs,
  }
}

async function command(bench: Bench, source: number, { does, which, how }: Step): Promise<void> {
  const { registry } = bench
  if (does === 'ask') await registry.ask(source, false)
  if (does === 'ask full') await registry.ask(source, true)
  if (does === 'pause') await registry.setPaused(source, how % 2 === 0)
  if (does === 'confirm') await registry.confirmDeletions(source)
  await operate(bench, source, { does, which, how })
  if (does === 'plan') {
    const owner = await registry.owner('abc'[which % 3]!)
    await registry.setPlan(owner!.id, how % 2 === 0 ? 'free' : 'premium')
  }
}

/** All that an operator sees, but for the numbers that each store gives as it likes. */
async function workOf(bench: Bench): Promise<object> {
  const {
    processes,
    slots,
    unwell,
    parked: _parked,
    ...rest
  } = await bench.operations.work(null, 100)
  return {
    ...rest,
    processes: processes.map(({ name: _name, ...process }) => process),
    slots: slots.map(({ process: _process, ...slot }) => slot),
    unwell: unwell.map(({ id: _id, ...source }) => source),
    failed: (await allFailed(bench)).map(({ id: _id, sourceId: _sourceId, ...task }) => task),
    figures: await bench.operations.figures(),
  }
}

function allFailed({ operations }: Bench): Promise<readonly FailedTask[]> {
  return operations.failed({ ownerId: null, sourceId: null, isAll: true, limit: 100, after: 0 })
}

async function operate(bench: Bench, source: number, { does, which, how }: Step): Promise<void> {
  const { operations } = bench
  if (does === 'retry all') await operations.retryAll(source)
  if (does === 'drop all') await operations.dropAll(source)
  if (does === 'restart source' && how % 3 === 0) await operations.restart(source)
  if (does === 'pause process') await operations.pauseProcess(null, how % 3 === 0)
  if (does !== 'retry' && does !== 'drop') return
  const tasks = await allFailed(bench)
  const task = tasks[which % Math.max(1, tasks.length)]
  if (task !== undefined) assert(await operations[does](task.id, null))
}

/** Some of a dozen files of a place; versions, names and ids change now and then. */
function listing(place: string, chance: number): ReturnType<typeof file>[] {
  const items: ReturnType<typeof file>[] = []
  const prefix = place === '' ? '' : `${place}/`
  for (let n = 0; n < 12; n++) {
    const hash = (chance * 31 + n * 17) % 101
    if (hash < 20) continue
    const key = `${prefix}k${n}`
    const more = hash % 3 === 0 ? { id: `id${n % 4}` } : {}
    const path = hash === 50 ? [key, 'renamed'] : key.split('/')
    items.push(file(key, `v${hash > 70 ? 1 : (chance >> 4) % 3}`, { ...more, path }))
  }
  return items
}

function placesBelow(step: string | null, chance: number): { step: string; version: string }[] {
  const depth = step === null ? 0 : step.split('/').length
  if (depth > 1) return []
  const names = ['x', 'y', 'z'].filter((_, n) => (chance >> n) % 3 !== 0)
  return names.map((name, n) => ({
    step: step === null ? name : `${step}/${name}`,
    version: `p${(chance >> 5) % 9 === n ? chance % 7 : 0}`,
  }))
}

function fileOf(
  chance: number,
  { item }: Extract<Claim, { kind: 'read' }>,
): ReturnType<typeof file> {
  return file(item.key, `v${chance % 5}`, { path: item.path, size: 10 + (chance % 3) })
}

const runs = Number(process.env['RUNS'] ?? 50)
const seed = Number(process.env['SEED'] ?? 20_200_217)

for (const charge of ['tasks', 'time'] as const) {
  it(`SQLite does what the model does, charged by ${charge} (seed ${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 80, maxLength: 200, size: 'max' }),
        async (steps) => {
          const twins = await Twins.start(charge)
          try {
            for (const [n, each] of steps.entries()) await twins.do(each, n)
          } finally {
            await twins.close()
          }
        },
      ),
      {
        seed,
        numRuns: runs,
        endOnFailure: process.env['SHRINK'] === undefined,
        includeErrorInReport: true,
      },
    )
  }, 600_000)
}
