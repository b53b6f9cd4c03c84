import { Buffer } from 'node:buffer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  maxDeployments,
  maxEffect,
  maxPageBytes,
  type Change,
  type ChangeQuery,
  type StoredDeployment,
  type ContentStore,
} from '../../src/content/content-store.ts'
import type { Deployment } from '../../src/content/entity.ts'
import type { ContentSubject, OpenContent } from '../content/content-subject.ts'
import { chainOf, effectOf, idOf, made, offerOf, type MadeFrom } from '../content/deployments.ts'

/** What every content store promises, whatever it keeps its rows in. */
export function contentStoreContract(name: string, open: OpenContent): void {
  describe(`the content store: ${name}`, () => {
    let subject: ContentSubject
    let store: ContentStore
    beforeEach(async () => {
      subject = await open()
      ;({ store } = subject)
      subject.hands.nowMs = 10_000
    })
    afterEach(() => subject.close())

    const deploy = async (...deployments: Deployment[]): Promise<void> => {
      await store.deploy(effectOf({ deployments }))
    }
    const put = async (name: string, from: MadeFrom = {}): Promise<string> => {
      const deployment = made(name, from)
      await deploy(deployment)
      return deployment.entityId
    }
    const everything = {
      types: [],
      sortBy: 'local',
      order: 'asc',
      offset: 0,
      limit: 1_000,
    } as const
    const all = async (): Promise<readonly Change[]> => (await store.changes(everything)).rows
    const active = async (): Promise<string[]> =>
      (await all()).filter(({ isActive }) => isActive).map(({ entityId }) => entityId)
    const ids = (changes: readonly { readonly entityId: string }[]): string[] =>
      changes.map(({ entityId }) => entityId)
    const idsAt = async (...pointers: string[]): Promise<string[]> =>
      ids(await store.activeByPointers(pointers)).sort()

    describe('deploying', () => {
      it('keeps all of a deployment, and its file', async () => {
        const deployment = made('one', {
          type: 'scene',
          pointers: ['0,0', '0,1'],
          content: [{ file: 'a.png', hash: idOf('a') }],
          says: { name: 'Müller "🎵"\\', list: [1, null] },
          version: 'v3',
        })
        const [deployed] = await store.deploy(effectOf({ deployments: [deployment] }))
        expect(deployed).toEqual({ entityId: deployment.entityId, localMs: 10_000, isNew: true })
        const stored = await store.deployment('scene', deployment.entityId)
        const { entityId, type, pointers, timestamp, deployer, version, authChain } = deployment
        expect(stored).toEqual({
          deploymentId: 1,
          localMs: 10_000,
          entityId,
          type,
          pointers,
          timestamp,
          deployer,
          version,
          authChain,
          isActive: true,
          isComplete: true,
          overwrittenBy: null,
        })
        expect(await all()).toEqual([
          { ...stored, metadata: '{"name":"Müller \\"🎵\\"\\\\","list":[1,null]}' },
        ])
        expect(Buffer.from((await subject.read(entityId))!)).toEqual(deployment.file)
        expect(await store.deployment('profile', entityId)).toBeNull()
        expect(await store.deployment('scene', idOf('other'))).toBeNull()
      })

      it('changes nothing for what is there, and says when it came', async () => {
        const deployment = made('one')
        await deploy(deployment)
        subject.hands.nowMs = 20_000
        expect(
          await store.deploy(
            effectOf({ deployments: [deployment, made('two', { timestamp: 2_000 })] }),
          ),
        ).toEqual([
          { entityId: deployment.entityId, localMs: 10_000, isNew: false },
          { entityId: idOf('two'), localMs: 20_000, isNew: true },
        ])
        expect(await store.deploy(effectOf({ deployments: [deployment] }))).toMatchObject([
          { localMs: 10_000 },
        ])
        expect(await store.newestMs()).toBe(20_000)
        expect(await active()).toEqual([idOf('two')])
      })

      it('takes the same one twice in one effect once', async () => {
        const deployment = made('one')
        expect(await store.deploy(effectOf({ deployments: [deployment, deployment] }))).toEqual([
          { entityId: deployment.entityId, localMs: 10_000, isNew: true },
          { entityId: deployment.entityId, localMs: 10_000, isNew: false },
        ])
      })

      it('N6 gives local times that only grow, even where the clock goes back', async () => {
        expect(await store.newestMs()).toBe(0)
        await put('one')
        subject.hands.nowMs = 500
        await put('two', { pointers: ['b'] })
        await put('three', { pointers: ['c'] })
        expect((await all()).map(({ localMs }) => localMs)).toEqual([10_000, 10_001, 10_002])
        expect(await store.newestMs()).toBe(10_002)
      })

      it('gives a larger effect several local times, each for as many as a page holds', async () => {
        const many = Array.from({ length: 2 * maxDeployments + 1 }, (_, n) =>
          made(`many${n}`, { pointers: [`p${n}`] }),
        )
        await deploy(...many)
        const { rows: changes } = await store.changes({ ...everything })
        const times = [10_000, 10_001, 10_002]
        const batches = times.map((ms) => changes.filter(({ localMs }) => localMs === ms))
        expect(batches.map(({ length }) => length)).toEqual([maxDeployments, maxDeployments, 1])
        for (const batch of batches) expect(ids(batch)).toEqual(ids(batch).toSorted())
        expect(changes.map(({ deploymentId }) => deploymentId)).toEqual(many.map((_, n) => n + 1))
        const tooMany = Array.from({ length: maxEffect + 1 }, (_, n) => made(`x${n}`))
        await expect(deploy(...tooMany)).rejects.toThrow(/at most 1000/)
      })

      it('lets what comes later in an effect overwrite what came before', async () => {
        const others = Array.from({ length: maxDeployments - 2 }, (_, n) =>
          made(`other${n}`, { pointers: [`p${n}`], type: 'scene' }),
        )
        const [half, whole] = [['a', 'b'], ['c']].map((pointers, n) =>
          made(`early${n}`, { pointers, timestamp: 1 }),
        )
        const killer = made('killer', { pointers: ['a', 'c'], timestamp: 2 })
        await deploy(half!, whole!, ...others, killer)
        expect(await store.activeByPointers(['a', 'b', 'c'])).toMatchObject([
          { entityId: killer.entityId },
        ])
        expect(await store.deployment('profile', half!.entityId)).toMatchObject({
          localMs: 10_000,
          isActive: false,
          overwrittenBy: killer.entityId,
        })
        const fresh = ids(await store.freshest(0, '', ['profile'], 10))
        expect(fresh).toEqual([half!.entityId, killer.entityId])
        expect(await store.activity({ init: 1, end: 1 })).toEqual({ count: 0, changedMs: 10_001 })
      })

      it('takes more bytes than a statement does', async () => {
        const mebibyte = Buffer.alloc(1_048_576, 'x')
        const deployments = Array.from({ length: 20 }, (_, n) => ({
          ...made(`heavy ${n}`, { pointers: [`${n}`] }),
          file: mebibyte,
        }))
        const blobs = Array.from({ length: 300 }, (_, n) => ({
          hash: idOf(`small ${n}`),
          bytes: Buffer.alloc(60_000, n),
        }))
        await store.deploy(effectOf({ deployments, blobs }))
        const stored = await store.activeByIds(deployments.map(({ entityId }) => entityId))
        expect(stored.map(({ bytes }) => bytes.length)).toEqual(deployments.map(() => 1_048_576))
        for (const { hash, bytes } of [blobs[0]!, blobs[299]!]) {
          expect(Buffer.from((await subject.read(hash))!)).toEqual(bytes)
        }
      })

      it('N5 writes all of an effect or nothing', async () => {
        const effect = effectOf({
          deployments: [made('one'), made('two', { pointers: ['b'], isComplete: false })],
          blobs: [{ hash: idOf('blob'), bytes: Buffer.from('x') }],
        })
        await expect(store.deploy(effect)).rejects.toThrow(/would be active/)
        expect(await all()).toEqual([])
        expect(await subject.read(idOf('blob'))).toBeNull()
        expect(await store.newestMs()).toBe(0)
        await put('later', { pointers: ['b'], timestamp: 2_000 })
        await store.deploy(effect)
        expect(await active()).toEqual([idOf('later'), idOf('one')])
      })

      it('keeps small content, and what is there as it is', async () => {
        const blob = { hash: idOf('blob'), bytes: Uint8Array.from([0, 34, 92, 255]) }
        await store.deploy(effectOf({ deployments: [made('one')], blobs: [blob, blob] }))
        await store.deploy(effectOf({ blobs: [blob] }))
        expect(Buffer.from((await subject.read(blob.hash))!)).toEqual(Buffer.from(blob.bytes))
        expect(await subject.read(idOf('none'))).toBeNull()
      })

      it('survives a restart', async () => {
        await put('one')
        await store.setFact('state', 'syncing')
        await subject.reopen()
        ;({ store } = subject)
        await put('two', { timestamp: 2_000 })
        expect(
          (await all()).map(({ entityId, isActive, localMs }) => [entityId, isActive, localMs]),
        ).toEqual([
          [idOf('one'), false, 10_000],
          [idOf('two'), true, 10_001],
        ])
        expect(await store.fact('state')).toBe('syncing')
      })
    })

    describe('who is active', () => {
      it('N3 is the greatest by time, then by id in lower case', async () => {
        const old = await put('old', { timestamp: 1_000 })
        const b = await put('b', { timestamp: 2_000, entityId: `Qm${'B'.repeat(44)}` })
        expect(await store.deployment('profile', old)).toMatchObject({
          isActive: false,
          overwrittenBy: b,
        })
        // Capital letters are less than small ones, but not here.
        const a = await put('a', { timestamp: 2_000, entityId: `Qm${'a'.repeat(44)}` })
        expect(await active()).toEqual([b])
        const c = await put('c', { timestamp: 2_000, entityId: `Qm${'c'.repeat(44)}` })
        expect(await active()).toEqual([c])
        expect(await store.deployment('profile', a)).toMatchObject({ overwrittenBy: b })
        expect(await store.deployment('profile', b)).toMatchObject({ overwrittenBy: c })
      })

      it('N4 kills all of what it overlaps: the other pointers become empty', async () => {
        const wide = await put('wide', { type: 'scene', pointers: ['0,0', '0,1', '0,2'] })
        const narrow = await put('narrow', { type: 'scene', pointers: ['0,1'], timestamp: 2_000 })
        expect(await idsAt('0,0', '0,1', '0,2')).toEqual([narrow])
        expect(await idsAt('0,0')).toEqual([])
        expect(await store.activeByIds([wide, narrow])).toHaveLength(1)
      })

      it('knows types apart', async () => {
        const profile = await put('profile', { pointers: ['p'] })
        const scene = await put('scene', { type: 'scene', pointers: ['p'], timestamp: 2_000 })
        expect(await idsAt('p')).toEqual([profile, scene].sort())
      })

      it('late arrival: what comes dead still kills what it outbids (facts §2.4)', async () => {
        // The network's own servers leave `first` active here, or not, by the order of arrival.
        const first = made('first', { type: 'scene', pointers: ['0,0'], timestamp: 10 })
        const bridge = made('bridge', { type: 'scene', pointers: ['0,0', '0,1'], timestamp: 20 })
        const last = made('last', { type: 'scene', pointers: ['0,1'], timestamp: 30 })
        await deploy(first)
        await deploy(last)
        await deploy(bridge)
        expect(await active()).toEqual([last.entityId])
        expect(await store.deployment('scene', first.entityId)).toMatchObject({
          isActive: false,
          overwrittenBy: bridge.entityId,
        })
        expect(await store.deployment('scene', bridge.entityId)).toMatchObject({
          isActive: false,
          overwrittenBy: last.entityId,
        })
        // And its mark stays when it has long been forgotten.
        subject.hands.nowMs += 1_000
        await store.collect({ graceMs: 0, keepDeadMs: 0, limit: 100 })
        await deploy(made('between', { type: 'scene', pointers: ['0,0'], timestamp: 15 }))
        expect(await active()).toEqual([last.entityId])
      })

      it('names the least of several killers that come together', async () => {
        await put('wide', { pointers: ['a', 'b'], timestamp: 1 })
        await deploy(
          made('two', { pointers: ['a'], timestamp: 3 }),
          made('three', { pointers: ['b'], timestamp: 2 }),
        )
        expect(await store.deployment('profile', idOf('wide'))).toMatchObject({
          overwrittenBy: idOf('three'),
        })
      })

      it('holds for pointers of any length and letters', async () => {
        const long = 'x'.repeat(5_000)
        const odd = ['a\0b', 'Ä🎵', ' ', '', `${long}1`, `${long}2`]
        await put('one', { pointers: odd })
        await put('two', { pointers: [`${long}2`, 'new'], timestamp: 2_000 })
        expect(await active()).toEqual([idOf('two')])
        expect(await idsAt(...odd)).toEqual([idOf('two')])
        expect(await idsAt(`${long}1`)).toEqual([])
        expect(await idsAt('new', 'new')).toEqual([idOf('two')])
      })
    })

    describe('what is offered', () => {
      it('is known, pointless, overtaken or none of it', async () => {
        const seen = made('seen', { type: 'scene', pointers: ['a', 'b'], timestamp: 5 })
        await deploy(seen)
        const scene = (name: string, timestamp: number, ...pointers: string[]): Deployment =>
          made(name, { type: 'scene', pointers, timestamp })
        const offers = [
          seen,
          scene('older', 4, 'a'),
          scene('bridge', 4, 'a', 'c'),
          scene('newer', 6, 'a', 'c'),
          scene('other', 4, 'c'),
          made('profile', { pointers: ['a'], timestamp: 1 }),
        ].map(offerOf)
        const nothing = { ...offers[1]!, entityId: idOf('nothing'), pointers: [] }
        expect(await store.known(offers.map(({ entityId }) => entityId))).toEqual(
          new Map([[seen.entityId, 10_000]]),
        )
        expect(await store.pointless([...offers, nothing])).toEqual(
          new Set([seen.entityId, idOf('older')]),
        )
        expect(await store.overtaken([...offers, nothing])).toEqual(new Set([idOf('bridge')]))
        expect([
          await store.known([]),
          await store.pointless([]),
          await store.overtaken([]),
        ]).toEqual([new Map(), new Set(), new Set()])
      })

      it('stays pointless when it was forgotten', async () => {
        const dead = made('dead', { timestamp: 1 })
        await deploy(dead)
        await put('alive', { timestamp: 2 })
        subject.hands.nowMs += 10
        expect(await store.collect({ graceMs: 0, keepDeadMs: 0, limit: 10 })).toMatchObject({
          deployments: 1,
        })
        expect(await store.known([dead.entityId])).toEqual(new Map())
        expect(await store.pointless([offerOf(dead)])).toEqual(new Set([dead.entityId]))
        await deploy(dead)
        expect(await active()).toEqual([idOf('alive')])
      })
    })

    describe('reading', () => {
      it('finds active entities by pointer, id, beginning of a pointer, content', async () => {
        const content = [{ file: 'x', hash: idOf('content') }]
        await put('old', { pointers: ['urn:c:1'], timestamp: 1, content })
        await put('one', {
          pointers: ['urn:c:1', 'urn:c:0'],
          timestamp: 2,
          content: [...content, ...content],
        })
        await put('two', { pointers: ['urn:c:2'], content })
        await put('three', { pointers: ['urn:d:1'] })
        expect(await idsAt('urn:c:1', 'urn:c:0', 'urn:d:1', 'none')).toEqual([
          idOf('one'),
          idOf('three'),
        ])
        expect(await idsAt()).toEqual([])
        expect(ids(await store.activeByIds([idOf('old'), idOf('two'), idOf('two')]))).toEqual([
          idOf('two'),
        ])
        const [file] = await store.activeByIds([idOf('two')])
        expect(JSON.parse(Buffer.from(file!.bytes).toString())).toMatchObject({
          pointers: ['urn:c:2'],
        })
        const found = await store.activeByPrefix('urn:c:', { offset: 0, limit: 10 })
        expect([found.total, ids(found.entities)]).toEqual([2, [idOf('one'), idOf('two')]])
        const second = await store.activeByPrefix('urn:', { offset: 1, limit: 1 })
        expect([second.total, ids(second.entities)]).toEqual([3, [idOf('two')]])
        expect(await store.activeByContent(idOf('content'), 10)).toEqual([idOf('one'), idOf('two')])
        expect(await store.activeByContent(idOf('content'), 1)).toEqual([idOf('one')])
        expect(await store.activeByContent(idOf('one'), 10)).toEqual([])
      })

      it('gives metadata as they stand in the file, or out of the whole of it', async () => {
        const spaced = Buffer.from('{"metadata": {"b" : 1,\n"a":2} ,"pointers":["b"]}')
        await deploy(
          { ...made('piece', { pointers: ['b'] }), file: spaced, metadata: { start: 13, end: 29 } },
          { ...made('whole', { pointers: ['c'] }), file: spaced },
          made('none', { pointers: ['d'] }),
          { ...made('broken', { pointers: ['e'] }), ...brokenLetters() },
        )
        const found = new Map((await all()).map(({ entityId, metadata }) => [entityId, metadata]))
        expect(found.get(idOf('piece'))).toBe('{"b" : 1,\n"a":2}')
        expect(JSON.parse(found.get(idOf('whole')) ?? '')).toEqual({ b: 1, a: 2 })
        expect(found.get(idOf('none'))).toBeNull()
        expect(JSON.parse(found.get(idOf('broken')) ?? '')).toBe('\uFFFD')
      })
    })

    describe('changes', () => {
      const names = ['d', 'b', 'e', 'a', 'c']
      beforeEach(async () => {
        // Two batches; times of their own with ties across both.
        await deploy(
          ...names.slice(0, 3).map((name, n) =>
            made(name, {
              pointers: [name],
              timestamp: 100 + (n % 2),
              ...(n === 0 ? { type: 'scene' } : {}),
            }),
          ),
        )
        await deploy(
          ...names.slice(3).map((name) => made(name, { pointers: [name], timestamp: 100 })),
        )
        // Dead, and listed all the same.
        await put('killer', { pointers: ['a'], timestamp: 101 })
      })
      const named = (changes: readonly StoredDeployment[]): string =>
        changes
          .map(({ entityId }) => [...names, 'killer'].find((name) => idOf(name) === entityId))
          .join(' ')

      it.each([
        [{}, 'b d e a c killer'],
        [{ order: 'desc' }, 'killer c a e d b'],
        [{ limit: 2 }, 'b d'],
        [{ limit: 2, offset: 3 }, 'a c'],
        [{ order: 'desc', limit: 2, offset: 1 }, 'c a'],
        [{ types: ['scene'] }, 'd'],
        [{ types: ['scene', 'profile'], order: 'desc' }, 'killer c a e d b'],
        [{ types: ['wearable'] }, ''],
        [{ from: 10_001 }, 'a c killer'],
        [{ to: 10_001 }, 'b d e a c'],
        [{ from: 10_001, to: 10_001 }, 'a c'],
        [{ from: 10_003 }, ''],
        [{ from: 10_000, lastId: idOf('b') }, 'd e a c killer'],
        [{ from: 10_000, lastId: idOf('e') }, 'a c killer'],
        [{ from: 9_999, lastId: idOf('e') }, 'b d e a c killer'],
        [{ from: 10_000, lastId: idOf('d').toUpperCase() }, 'e a c killer'],
        [{ order: 'desc', to: 10_001, lastId: idOf('c') }, 'a e d b'],
        [{ order: 'desc', from: 10_000, lastId: idOf('c') }, 'killer c a e d b'],
        [{ order: 'asc', to: 10_001, lastId: idOf('a') }, 'b d e a c'],
        [{ lastId: idOf('e') }, 'b d e a c killer'],
        [{ sortBy: 'entity' }, 'a c d e b killer'],
        [{ sortBy: 'entity', order: 'desc' }, 'killer b e d c a'],
        [{ sortBy: 'entity', from: 101 }, 'b killer'],
        [{ sortBy: 'entity', to: 100 }, 'a c d e'],
        [{ sortBy: 'entity', from: 100, lastId: idOf('c') }, 'd e b killer'],
        [{ sortBy: 'entity', order: 'desc', to: 100, lastId: idOf('d') }, 'c a'],
        [
          { sortBy: 'entity', order: 'desc', to: 101, lastId: idOf('killer'), limit: 2, offset: 1 },
          'e d',
        ],
        [{ sortBy: 'entity', types: ['profile'], from: 100, to: 100 }, 'a c e'],
      ] as const)('%j', async (query, expected) => {
        expect(named((await store.changes({ ...everything, ...query })).rows)).toBe(expected)
      })

      it('tells the metadata of a file that begins with a byte order mark', async () => {
        const { file, ...parts } = made('marked', { pointers: ['m'], says: { a: 1 } })
        const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), file])
        await deploy({ ...parts, file: marked, metadata: null })
        const [last] = (await store.changes({ ...everything, order: 'desc', limit: 1 })).rows
        expect(last).toMatchObject({ entityId: idOf('marked'), metadata: '{"a":1}' })
      })

      it('a page that is too big ends before its limit, and says so', async () => {
        const says = { text: 'x'.repeat(maxPageBytes / 2) }
        const names = ['one', 'two', 'three']
        for (const [n, name] of names.entries())
          await deploy(made(name, { pointers: [name], timestamp: 500 + n, says }))
        const page = async (more: Partial<ChangeQuery>): Promise<readonly unknown[]> => {
          const { rows, isCut } = await store.changes({ ...everything, ...more, limit: 3 })
          return [...rows.map(({ entityId }) => entityId), isCut]
        }
        const [one, two, three] = names.map((name) => idOf(name))
        for (const sortBy of ['local', 'entity'] as const) {
          expect(await page({ sortBy, order: 'desc' })).toEqual([three, two, true])
          expect(await page({ sortBy, order: 'desc', offset: 1 })).toEqual([two, one, true])
          // Behind these there is room again.
          expect(await page({ sortBy, order: 'desc', offset: 2 })).toHaveLength(4)
        }
      })

      it('freshest are those that are the greatest somewhere, dead or alive', async () => {
        const fresh = async (
          afterMs: number,
          lastId = '',
          limit = 10,
          types: readonly ('scene' | 'profile')[] = [],
        ): Promise<string> => named(await store.freshest(afterMs, lastId, types, limit))
        expect(await fresh(0)).toBe('b d e c killer')
        expect(await fresh(0, '', 2)).toBe('b d')
        expect(await fresh(10_000, idOf('d'))).toBe('e c killer')
        expect(await fresh(10_001, idOf('c'))).toBe('killer')
        expect(await fresh(10_002, idOf('killer'))).toBe('')
        expect(await fresh(0, '', 10, ['scene'])).toBe('d')
        // Dead by one pointer, and still the greatest at the other.
        await deploy(made('b2', { pointers: ['b', 'z'], timestamp: 200 }))
        await deploy(made('b3', { pointers: ['z'], timestamp: 300 }))
        const found = await store.freshest(10_002, idOf('killer'), [], 10)
        expect(found.map(({ entityId, isActive }) => [entityId, isActive])).toEqual([
          [idOf('b2'), false],
          [idOf('b3'), true],
        ])
      })
    })

    describe('snapshots to be', () => {
      it('walk the active entities of a range by time and id', async () => {
        await deploy(
          made('c', { pointers: ['c'], timestamp: 2 }),
          made('a', { pointers: ['a'], timestamp: 2 }),
          made('b', { pointers: ['b'], timestamp: 3 }),
          made('z', { pointers: ['z'], timestamp: 1 }),
          made('y', { pointers: ['y'], timestamp: 4 }),
          made('dead', { pointers: ['b'], timestamp: 2 }),
        )
        const range = { init: 2, end: 3 }
        const rows = await store.activeIn(range, null, 10)
        expect(ids(rows)).toEqual([idOf('a'), idOf('c'), idOf('b')])
        const { entityId, type, pointers, authChain, timestamp } = made('a', { timestamp: 2 })
        expect(rows[0]).toEqual({ entityId, type, pointers, authChain, timestamp, localMs: 10_000 })
        expect(ids(await store.activeIn(range, null, 1))).toEqual([idOf('a')])
        expect(ids(await store.activeIn(range, rows[0]!, 10))).toEqual([idOf('c'), idOf('b')])
        expect(ids(await store.activeIn(range, rows[2]!, 10))).toEqual([])
      })

      it('know when who is active in a range changed last', async () => {
        const range = { init: 1, end: 5 }
        expect(await store.activity(range)).toEqual({ count: 0, changedMs: 0 })
        await put('one', { pointers: ['a'], timestamp: 1 })
        await put('two', { pointers: ['b'], timestamp: 5 })
        expect(await store.activity(range)).toEqual({ count: 2, changedMs: 10_001 })
        await put('outside', { pointers: ['c'], timestamp: 6 })
        expect(await store.activity(range)).toEqual({ count: 2, changedMs: 10_001 })
        // Killed from outside of the range.
        await put('killer', { pointers: ['a'], timestamp: 7 })
        expect(await store.activity(range)).toEqual({ count: 1, changedMs: 10_003 })
        // What comes dead changes nothing.
        await put('late', { pointers: ['a'], timestamp: 2 })
        expect(await store.activity(range)).toEqual({ count: 1, changedMs: 10_003 })
        expect(await store.activity({ init: 6, end: 7 })).toEqual({ count: 2, changedMs: 10_003 })
      })

      it('replace those that lie in their range', async () => {
        const snapshot = (
          init: number,
          end: number,
          name: string,
        ): Parameters<ContentStore['putSnapshot']>[0] => ({
          hash: idOf(name),
          range: { init, end },
          replaced: [idOf(`${name}old`)],
          count: end - init,
          generatedMs: 7,
        })
        await store.putSnapshot(snapshot(10, 20, 'b'))
        await store.putSnapshot(snapshot(0, 10, 'a'))
        await store.putSnapshot(snapshot(20, 30, 'c'))
        expect((await store.snapshots()).map(({ hash }) => hash)).toEqual(['a', 'b', 'c'].map(idOf))
        await store.putSnapshot(snapshot(20, 30, 'd'))
        await store.putSnapshot(snapshot(0, 20, 'e'))
        expect(await store.snapshots()).toEqual([snapshot(0, 20, 'e'), snapshot(20, 30, 'd')])
        await store.dropSnapshots([
          { init: 0, end: 20 },
          { init: 20, end: 31 },
        ])
        await store.dropSnapshots([])
        expect(await store.snapshots()).toEqual([snapshot(20, 30, 'd')])
      })
    })
    unfinishedWork(() => subject)
    garbage(() => subject)
  })
}

function brokenLetters(): Pick<Deployment, 'file' | 'metadata'> {
  const file = Buffer.concat([Buffer.from('{"metadata":"'), Buffer.from([0xff]), Buffer.from('"}')])
  return { file, metadata: { start: 12, end: 15 } }
}

function unfinishedWork(subject: () => ContentSubject): void {
  const failure = (name: string, sourceId: number | null = null) => ({
    ...offerOf(made(name)),
    sourceId,
    description: 'no answer',
    snapshotHash: null,
  })

  describe('deployments that failed', () => {
    const fail = async (...names: string[]): Promise<void> => {
      await subject().store.deploy(effectOf({ failures: names.map((name) => failure(name)) }))
    }
    const waiting = async (): Promise<string[]> =>
      (await subject().store.failures({ offset: 0, limit: 100 })).map(({ entityId }) => entityId)

    it('N13 are kept until they are deployed, or forgotten', async () => {
      const { store } = subject()
      await fail('a')
      subject().hands.nowMs += 1
      await store.deploy(
        effectOf({
          failures: [{ ...failure('b'), snapshotHash: idOf('s') }],
          deployments: [made('c')],
        }),
      )
      expect(await store.failures({ offset: 0, limit: 100 })).toEqual([
        { ...failure('a'), failedMs: 10_000, attempts: 1, nextMs: 70_000 },
        { ...failure('b'), snapshotHash: idOf('s'), failedMs: 10_001, attempts: 1, nextMs: 70_001 },
      ])
      expect(await store.failures({ offset: 1, limit: 1 })).toMatchObject([{ entityId: idOf('b') }])
      await store.deploy(effectOf({ deployments: [made('a')] }))
      expect(await waiting()).toEqual([idOf('b')])
      await fail('a', 'c')
      expect(await waiting()).toEqual([idOf('b')])
      await store.forgetFailures([
        { entityId: idOf('b'), sourceId: null },
        { entityId: idOf('none'), sourceId: 1 },
      ])
      expect(await waiting()).toEqual([])
    })

    it('are kept for each who offered them: what one says replaces what he said before, and nothing else', async () => {
      const { store, hands } = subject()
      const lie = { ...failure('a', 2), pointers: ['x'], entityTimestamp: 1, authChain: [] }
      await store.deploy(effectOf({ failures: [failure('a', 1), { ...lie, pointers: ['y'] }] }))
      hands.nowMs += 1
      await store.deploy(effectOf({ failures: [lie, failure('b', 2)] }))
      const [first, second, ...others] = await store.failures({ offset: 0, limit: 10 })
      expect([first?.entityId, second?.entityId, others]).toEqual([idOf('a'), idOf('b'), []])
      expect(first).toMatchObject(lie)
      hands.nowMs = 80_000
      const due = await store.dueFailures(1, 1_000)
      expect(due).toMatchObject([failure('a', 1), lie])
      await store.forgetFailures([lie])
      hands.nowMs = 90_000
      expect(await store.dueFailures(10, 1_000)).toMatchObject([
        { ...failure('b', 2), attempts: 2 },
        { ...failure('a', 1), attempts: 3 },
      ])
      await store.deploy(effectOf({ failures: [lie] }))
      await store.deploy(effectOf({ deployments: [made('a')] }))
      expect(await waiting()).toEqual([idOf('b')])
    })

    it('are given one by one when their time has come, and wait twice as long after each try', async () => {
      const { store, hands } = subject()
      await fail('a')
      hands.nowMs = 10_500
      await fail('b')
      hands.nowMs = 69_999
      expect(await store.dueFailures(10, 5_000)).toEqual([])
      hands.nowMs = 80_000
      expect(await store.dueFailures(1, 5_000)).toMatchObject([
        { entityId: idOf('a'), attempts: 2, authChain: chainOf(idOf('a')) },
      ])
      expect(await store.dueFailures(10, 5_000)).toMatchObject([{ entityId: idOf('b') }])
      expect(await store.dueFailures(10, 5_000)).toEqual([])
      // Said twice: once.
      await fail('a')
      await fail('a')
      hands.nowMs = 85_000
      expect(await store.dueFailures(10, 5_000)).toMatchObject([
        { entityId: idOf('b'), attempts: 3 },
      ])
      hands.nowMs = 199_999
      expect((await store.dueFailures(10, 5_000)).map(({ entityId }) => entityId)).toEqual([
        idOf('b'),
      ])
      hands.nowMs = 200_000
      expect(await store.dueFailures(10, 5_000)).toMatchObject([
        { entityId: idOf('a'), attempts: 3 },
      ])
    })
  })

  describe('snapshots of peers', () => {
    const [hash, patienceMs] = [idOf('snapshot'), 1_000]
    const done = async (...starts: number[]): Promise<void> => {
      await subject().store.deploy(effectOf({ parts: starts.map((start) => ({ hash, start })) }))
    }
    const isProcessed = async (): Promise<boolean> =>
      (await subject().store.processed([hash, idOf('other')])).has(hash)

    it('N8 are processed with their last part', async () => {
      const { store } = subject()
      expect(await store.takeSnapshot(hash, 1, patienceMs)).toBe(true)
      await done(0)
      expect(await isProcessed()).toBe(false)
      await store.planSnapshot(hash, [0, 100, 200])
      await done(0, 0)
      await done(0, 200)
      expect(await isProcessed()).toBe(false)
      await done(100)
      expect(await isProcessed()).toBe(true)
      expect(await store.takeSnapshot(hash, 1, patienceMs)).toBe(false)
      await store.planSnapshot(hash, [1])
      await store.failSnapshot(hash, 'too late')
      expect(await store.processed([hash])).toEqual(new Set([hash]))
    })

    it('are processed at once where they have no parts, or are said to be', async () => {
      const { store } = subject()
      await store.planSnapshot(hash, [])
      await store.noteProcessed([idOf('other'), hash])
      await store.noteProcessed([])
      expect(await store.processed([hash, idOf('other'), idOf('third')])).toEqual(
        new Set([hash, idOf('other')]),
      )
      expect(await store.processed([])).toEqual(new Set())
    })

    it("are one source's as long as it moves", async () => {
      const { store, hands } = subject()
      expect(await store.takeSnapshot(hash, 1, patienceMs)).toBe(true)
      expect(await store.takeSnapshot(hash, 1, patienceMs)).toBe(true)
      await store.planSnapshot(hash, [0, 1])
      hands.nowMs += patienceMs - 1
      expect(await store.takeSnapshot(hash, 2, patienceMs)).toBe(false)
      await done(0)
      hands.nowMs += patienceMs - 1
      expect(await store.takeSnapshot(hash, 2, patienceMs)).toBe(false)
      hands.nowMs += 1
      expect(await store.takeSnapshot(hash, 2, patienceMs)).toBe(true)
      expect(await store.takeSnapshot(hash, 1, patienceMs)).toBe(false)
    })

    it('are told of, with how long they stand still, until they are gone through', async () => {
      const { store, hands } = subject()
      await store.takeSnapshot(idOf('other'), 1, patienceMs)
      hands.nowMs += 10
      await store.takeSnapshot(hash, 1, patienceMs)
      await store.planSnapshot(hash, [0, 1])
      hands.nowMs += 20
      expect(await store.openSnapshots()).toEqual([{ sourceId: 1, idleMs: 20 }])
      await done(0)
      expect(await store.openSnapshots()).toEqual([{ sourceId: 1, idleMs: 0 }])
      await done(1)
      hands.nowMs += 30
      expect(await store.openSnapshots()).toEqual([{ sourceId: 1, idleMs: 60 }])
      await store.failSnapshot(idOf('other'), 'cut off')
      expect(await store.openSnapshots()).toEqual([{ sourceId: null, idleMs: 0 }])
      await store.noteProcessed([idOf('other')])
      expect(await store.openSnapshots()).toEqual([])
    })

    it('wait longer each time that they could not be gone through', async () => {
      const { store, hands } = subject()
      for (const waitMs of [30_000, 60_000, 120_000]) {
        expect(await store.takeSnapshot(hash, 1, patienceMs)).toBe(true)
        await store.planSnapshot(hash, [0, 1])
        await store.failSnapshot(hash, 'cut off')
        await done(0, 1)
        hands.nowMs += waitMs - 1
        expect(await store.takeSnapshot(hash, 2, patienceMs)).toBe(false)
        hands.nowMs += 1
      }
      expect(await isProcessed()).toBe(false)
      expect(await store.takeSnapshot(hash, 2, patienceMs)).toBe(true)
    })
  })

  it('keeps small facts', async () => {
    const { store } = subject()
    expect(await store.fact('a')).toBeNull()
    await store.setFact('a', '1')
    await store.setFact('a', '2')
    expect([await store.fact('a'), await store.fact('b')]).toEqual(['2', null])
  })
}

function garbage(subject: () => ContentSubject): void {
  describe('garbage', () => {
    const [graceMs, keepDeadMs] = [1_000, 10_000]
    const collect = (limit = 100): ReturnType<ContentStore['collect']> =>
      subject().store.collect({ graceMs, keepDeadMs, limit })
    const nothing = { hashes: [], blobs: 0, deployments: 0, isDone: true }
    const blob = (name: string) => ({ hash: idOf(name), bytes: Buffer.from(name) })
    const scene = (name: string, timestamp: number, ...files: string[]): Deployment =>
      made(name, { timestamp, content: files.map((file) => ({ file, hash: idOf(file) })) })
    const isThere = async (...names: string[]): Promise<boolean[]> =>
      Promise.all(names.map(async (name) => (await subject().read(idOf(name))) !== null))

    it('is content that only the dead had, after the grace period', async () => {
      const { store, hands } = subject()
      await store.deploy(
        effectOf({
          deployments: [scene('old', 1, 'mine', 'shared', 'big')],
          blobs: [blob('mine'), blob('shared')],
        }),
      )
      hands.nowMs += 5 * graceMs
      expect(await collect()).toEqual(nothing)
      await store.deploy(effectOf({ deployments: [scene('new', 2, 'shared')] }))
      hands.nowMs += graceMs - 1
      expect(await collect()).toEqual(nothing)
      expect(
        await store.needed(['mine', 'shared', 'big', 'old', 'new', 'none'].map(idOf), graceMs),
      ).toEqual(new Set(['mine', 'shared', 'big', 'old', 'new'].map(idOf)))
      hands.nowMs += 1
      expect(
        await store.needed(['mine', 'shared', 'big', 'old', 'new', 'none'].map(idOf), graceMs),
      ).toEqual(new Set(['shared', 'old', 'new'].map(idOf)))
      expect(await collect()).toEqual({
        hashes: [idOf('big')],
        blobs: 1,
        deployments: 0,
        isDone: true,
      })
      expect(await collect()).toEqual(nothing)
      expect(await isThere('mine', 'shared', 'old', 'new')).toEqual([false, true, true, true])
    })

    it('is not what came within the grace period, what another one needs, or a snapshot', async () => {
      const { store, hands } = subject()
      const others = made('others', {
        pointers: ['b'],
        content: [{ file: 'x', hash: idOf('shared') }],
      })
      await store.deploy(
        effectOf({
          deployments: [scene('old', 1, 'again', 'shared', 'offered', 'new')],
          blobs: [blob('shared'), blob('offered')],
        }),
      )
      await store.deploy(effectOf({ deployments: [others, scene('new', 2)] }))
      await store.putSnapshot({
        hash: idOf('offered'),
        range: { init: 0, end: 1 },
        replaced: [],
        count: 0,
        generatedMs: 0,
      })
      hands.nowMs += graceMs
      await store.deploy(effectOf({ blobs: [blob('again')] }))
      hands.nowMs += 1
      expect(await collect()).toEqual(nothing)
      expect(await isThere('again', 'shared', 'offered', 'new')).toEqual([true, true, true, true])
    })

    it('comes again, and goes again', async () => {
      const { store, hands } = subject()
      const effect = effectOf({ deployments: [scene('old', 1, 'mine')], blobs: [blob('mine')] })
      await store.deploy(effect)
      await store.deploy(effectOf({ deployments: [scene('new', 2)] }))
      hands.nowMs += 2 * graceMs
      expect(await collect()).toMatchObject({ blobs: 1 })
      await store.deploy(effect)
      expect(await isThere('mine')).toEqual([true])
      hands.nowMs += 2 * graceMs
      expect(await collect()).toMatchObject({ blobs: 1 })
      expect(await isThere('mine')).toEqual([false])
    })

    it('N7 is whoever has been dead for long, unless he is still the greatest of a pointer, but never his marks', async () => {
      const { store, hands } = subject()
      await store.deploy(
        effectOf({ deployments: [scene('old', 1, 'mine')], blobs: [blob('mine')] }),
      )
      await store.deploy(
        effectOf({ deployments: [made('bridge', { pointers: ['a', 'b'], timestamp: 5 })] }),
      )
      await store.deploy(
        effectOf({ deployments: [made('new', { pointers: ['b'], timestamp: 6 })] }),
      )
      hands.nowMs += keepDeadMs + 1
      expect(await collect()).toMatchObject({ blobs: 1, deployments: 1 })
      hands.nowMs += 10
      expect(await collect()).toMatchObject({ deployments: 0, isDone: true })
      expect(await isThere('old', 'bridge', 'new')).toEqual([false, true, true])
      const fresh = await store.freshest(0, '', [], 10)
      expect(fresh.map(({ entityId }) => entityId)).toEqual([idOf('bridge'), idOf('new')])
      await store.deploy(
        effectOf({ deployments: [made('late', { pointers: ['a'], timestamp: 4 })] }),
      )
      expect(await store.deployment('profile', idOf('late'))).toMatchObject({
        isActive: false,
        overwrittenBy: idOf('bridge'),
      })
      expect(
        await store.pointless([offerOf(made('older', { pointers: ['a'], timestamp: 3 }))]),
      ).toEqual(new Set([idOf('older')]))
      await store.deploy(
        effectOf({ deployments: [made('greatest', { pointers: ['a'], timestamp: 7 })] }),
      )
      hands.nowMs += keepDeadMs
      expect(await collect()).toMatchObject({ deployments: 2, isDone: true })
      expect(await store.deployment('profile', idOf('bridge'))).toBeNull()
      // Of its marks the next is reminded.
      await store.deploy(
        effectOf({ deployments: [made('between', { pointers: ['b'], timestamp: 5 })] }),
      )
      expect(await store.deployment('profile', idOf('between'))).toMatchObject({
        isActive: false,
        overwrittenBy: idOf('new'),
      })
    })

    it('is not the file of a dead one as long as it is the content of another one', async () => {
      const { store, hands } = subject()
      await store.deploy(
        effectOf({ deployments: [made('old'), made('new', { timestamp: 2_000 })] }),
      )
      const user = scene('user', 1, 'x')
      const users = { ...user, pointers: ['b'], content: [{ file: 'x', hash: idOf('old') }] }
      await store.deploy(effectOf({ deployments: [users] }))
      hands.nowMs += 2 * keepDeadMs
      expect(await collect()).toMatchObject({ deployments: 0, isDone: true })
      expect(await isThere('old')).toEqual([true])
      const next = made('next', { pointers: ['b'], timestamp: 3_000 })
      await store.deploy(effectOf({ deployments: [next] }))
      hands.nowMs += 2 * keepDeadMs
      expect(await collect()).toMatchObject({ deployments: 1 })
      expect(await collect()).toMatchObject({ deployments: 1 })
      expect(await isThere('old')).toEqual([false])
    })

    it('is content in the database that nobody asks for any more', async () => {
      const { store, hands } = subject()
      const sweep = (after: string | null, limit = 2): ReturnType<ContentStore['sweepBlobs']> =>
        store.sweepBlobs(after, { graceMs, limit })
      const blobs = ['a', 'b', 'c', 'd'].map(blob)
      await store.deploy(effectOf({ deployments: [scene('user', 1, 'b')], blobs }))
      expect(await sweep(null, 100)).toEqual({ blobs: 0, last: null })
      hands.nowMs += graceMs
      expect(await sweep(null)).toEqual({ blobs: 1, last: idOf('b') })
      expect(await sweep(idOf('b'))).toEqual({ blobs: 2, last: idOf('d') })
      expect(await sweep(idOf('d'))).toEqual({ blobs: 0, last: null })
      expect(await isThere('a', 'b', 'c', 'd')).toEqual([false, true, false, false])
    })

    it('goes a little at a time', async () => {
      const { store, hands } = subject()
      for (let n = 1; n <= 6; n++) {
        await store.deploy(
          effectOf({ deployments: [scene(`v${n}`, n, `f${n}`)], blobs: [blob(`f${n}`)] }),
        )
      }
      hands.nowMs += 2 * keepDeadMs
      const steps = [await collect(2), await collect(2), await collect(2), await collect(2)]
      expect(steps.map(({ blobs, deployments, isDone }) => [blobs, deployments, isDone])).toEqual([
        [2, 2, false],
        [2, 2, false],
        [1, 1, true],
        [0, 0, true],
      ])
      expect(await isThere('f5', 'f6', 'v5', 'v6')).toEqual([false, true, false, true])
    })
  })
}
