import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContentStore } from '../../src/content/content-store.ts'
import { compareEntities, type Deployment, type EntityType } from '../../src/content/entity.ts'
import {
  contentInMemory,
  type ContentSubject,
  type OpenContent,
} from '../content/content-subject.ts'
import { effectOf, idOf, made, offerOf } from '../content/deployments.ts'

const types: readonly EntityType[] = ['scene', 'profile']
const pointers = ['a', 'b', 'c', 'd']
const contents = ['x', 'y', 'z']

/** Few pointers, times and contents, so that everybody meets everybody; types share the names of pointers. */
const deployment: fc.Arbitrary<Deployment> = fc
  .record({
    name: fc.integer({ min: 0, max: 9_999 }),
    type: fc.constantFrom(...types),
    pointers: fc.subarray([...pointers], { minLength: 1, maxLength: 3 }),
    timestamp: fc.integer({ min: 1, max: 6 }),
    content: fc.subarray([...contents]),
    isOld: fc.boolean(),
  })
  .map(({ name, isOld, content, ...rest }) =>
    made(`n${name}`, {
      ...rest,
      content: content.map((file) => ({ file, hash: idOf(file) })),
      // Ids of old: capital letters count as small ones.
      ...(isOld
        ? {
            entityId:
              `Qm${String.fromCodePoint(65 + (name % 26))}${'a'.repeat(43 - 4)}${String(name).padStart(4, '0')}`.slice(
                0,
                46,
              ),
          }
        : {}),
    }),
  )

const deployments = fc.uniqueArray(deployment, {
  selector: ({ entityId }) => entityId.toLowerCase(),
  minLength: 2,
  maxLength: 12,
})

/** What happens to a store: deployments by their numbers, blobs with them or not. */
type Step =
  | { readonly does: 'deploy'; readonly which: readonly number[]; readonly hasBlobs: boolean }
  | { readonly does: 'crash' }
  | { readonly does: 'collect'; readonly keepDeadMs: number; readonly limit: number }
  | { readonly does: 'sweep' }
  | { readonly does: 'pass'; readonly ms: number }
  | { readonly does: 'fail'; readonly which: readonly number[]; readonly sourceId: number | null }
  | { readonly does: 'forget'; readonly which: readonly number[]; readonly sourceId: number | null }
  | { readonly does: 'retry' }

const which = fc.array(fc.nat(11), { minLength: 1, maxLength: 4 })
const sourceId = fc.constantFrom(null, 1, 2)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('deploy' as const), which, hasBlobs: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ does: 'crash' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('collect' as const),
      keepDeadMs: fc.constantFrom(100, 1_000),
      limit: fc.constantFrom(1, 100),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(-50, 60, 700) }),
  },
  { weight: 1, arbitrary: fc.constant({ does: 'sweep' as const }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('fail' as const), which, sourceId }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('forget' as const), which, sourceId }) },
  { weight: 1, arbitrary: fc.constant({ does: 'retry' as const }) },
)
const histories = fc.tuple(deployments, fc.array(step, { maxLength: 14 }))

/** Whatever happens to a store, it answers as the definition has it, and as the model does. */
export function contentHistories(name: string, open: OpenContent, numRuns: number): void {
  describe(`histories of content: ${name}`, () => {
    let subject: ContentSubject
    beforeAll(async () => {
      subject = await open()
    })
    afterAll(() => subject.close())

    it('end with the same active entities and marks in whatever order, with duplicates, crashes, collections', async () => {
      await fc.assert(
        fc.asyncProperty(
          histories.chain(([all, steps]) =>
            fc.tuple(
              fc.constant(all),
              fc.constant(steps),
              fc.shuffledSubarray(all, { minLength: all.length }),
            ),
          ),
          async ([all, steps, order]) => {
            await subject.empty()
            await live(subject, all, steps)
            for (const each of order) await subject.store.deploy(effectOf({ deployments: [each] }))
            await agrees(subject.store, all)
          },
        ),
        { numRuns },
      )
    })

    it('are told as the model tells them', async () => {
      await fc.assert(
        fc.asyncProperty(histories, async ([all, steps]) => {
          await subject.empty()
          const model = await contentInMemory()
          const told = [await live(subject, all, steps), await live(model, all, steps)]
          expect(told[0]).toEqual(told[1])
          expect(await seen(subject, all)).toEqual(await seen(model, all))
        }),
        { numRuns },
      )
    })
  })
}

/** Returns what the store said on the way. */
async function live(
  subject: ContentSubject,
  all: readonly Deployment[],
  steps: readonly Step[],
): Promise<unknown[]> {
  subject.hands.nowMs = 10_000
  const told: unknown[] = []
  for (const step of steps) told.push(await happen(subject, all, step))
  return told
}

async function happen(
  subject: ContentSubject,
  all: readonly Deployment[],
  step: Step,
): Promise<unknown> {
  const { store, hands } = subject
  const chosen = 'which' in step ? step.which.flatMap((n) => all[n] ?? []) : []
  switch (step.does) {
    case 'deploy': {
      const hashes = step.hasBlobs
        ? chosen.flatMap(({ content }) => content.map(({ hash }) => hash))
        : []
      const blobs = hashes.map((hash) => ({ hash, bytes: Buffer.from(hash) }))
      return store.deploy(effectOf({ deployments: chosen, blobs }))
    }
    case 'crash':
      await subject.reopen()
      return null
    case 'collect': {
      const { keepDeadMs, limit } = step
      const collected = await store.collect({ graceMs: 50, keepDeadMs, limit })
      return { ...collected, hashes: collected.hashes.toSorted() }
    }
    case 'sweep': {
      const first = await store.sweepBlobs(null, { graceMs: 50, limit: 2 })
      return [first, await store.sweepBlobs(first.last, { graceMs: 50, limit: 2 })]
    }
    case 'pass':
      hands.nowMs += step.ms
      return null
    case 'fail': {
      const { sourceId } = step
      const failures = chosen.map((each) =>
        Object.assign({ description: 'no', snapshotHash: null, sourceId }, offerOf(each)),
      )
      return store.deploy(effectOf({ failures }))
    }
    case 'forget': {
      const { sourceId } = step
      return store.forgetFailures(chosen.map(({ entityId }) => ({ entityId, sourceId })))
    }
    case 'retry':
      break
  }
  return store.dueFailures(2, 100)
}

/** Who is active by the definition: nobody greater of his type was ever seen at one of his pointers. */
function isActive(entity: Deployment, all: readonly Deployment[]): boolean {
  return !all.some(
    (other) =>
      other.type === entity.type &&
      compareEntities(other, entity) > 0 &&
      other.pointers.some((pointer) => entity.pointers.includes(pointer)),
  )
}

/** All of these have been seen. */
async function agrees(store: ContentStore, all: readonly Deployment[]): Promise<void> {
  const active = all.filter((each) => isActive(each, all))
  const found = await store.activeByPointers(pointers)
  expect(found.map(({ entityId }) => entityId).sort()).toEqual(
    active.map(({ entityId }) => entityId).sort(),
  )
  // A mark shows in what it makes pointless: what is less, and nothing that is greater.
  for (const type of types) {
    for (const pointer of pointers) {
      const here = all.filter((each) => each.type === type && each.pointers.includes(pointer))
      const greatest = here.toSorted(compareEntities).at(-1)
      if (greatest === undefined) continue
      const probe = { ...offerOf(greatest), pointers: [pointer] }
      expect(await store.pointless([probe])).toEqual(new Set([greatest.entityId]))
      const above = { ...probe, entityId: `${greatest.entityId}0` }
      expect(await store.pointless([above])).toEqual(new Set())
    }
  }
}

/** Everything that can be asked. */
async function seen(subject: ContentSubject, all: readonly Deployment[]): Promise<object> {
  const { store } = subject
  const page = { types: [], offset: 0, limit: 500 } as const
  const offers = all.map(offerOf)
  const ids = all.map(({ entityId }) => entityId)
  const byId = (rows: readonly { readonly entityId: string }[]): string[] =>
    rows.map(({ entityId }) => entityId).sort()
  return {
    local: await store.changes({ ...page, sortBy: 'local', order: 'asc' }),
    entity: (await store.changes({ ...page, sortBy: 'entity', order: 'desc' })).rows.map(
      ({ entityId }) => entityId,
    ),
    freshest: await store.freshest(0, '', [], 500),
    known: Object.fromEntries(await store.known(ids)),
    pointless: [...(await store.pointless(offers))].toSorted(),
    overtaken: [...(await store.overtaken(offers))].toSorted(),
    pointers: byId(await store.activeByPointers(pointers)),
    prefix: byId((await store.activeByPrefix('a', { offset: 0, limit: 100 })).entities),
    content: await store.activeByContent(idOf('x'), 100),
    active: await store.activeIn({ init: 2, end: 5 }, null, 100),
    activity: await store.activity({ init: 2, end: 5 }),
    failures: await store.failures({ offset: 0, limit: 100 }),
    newest: await store.newestMs(),
    needed: [...(await store.needed([...ids, ...contents.map(idOf)], 50))].toSorted(),
    blobs: await Promise.all(
      contents.map(async (name) => (await subject.read(idOf(name))) !== null),
    ),
  }
}
