import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  makeIdentity,
  signedEntity,
  signedProfile,
  signedScene,
  type SignedEntity,
} from '../../test/content/signer.ts'
import { examinerParts } from '../../test/content/examiner-parts.ts'
import { MemoryNode } from '../../test/network/memory-node.ts'
import { SyncError } from '../base/errors.ts'
import { holdMs, maxSmallBytes } from './blobs.ts'
import { Deployer, type DeployerParts } from './deployer.ts'
import { compareEntities, entityTypes } from './entity.ts'
import { Examiner } from './examiner.ts'
import { News } from './news.ts'
import { maxEntityBytes } from './rules/entity-file.ts'
import { RateLimit, rateLimits } from './rules/rate-limit.ts'
import { deploymentWindow } from './rules/window.ts'

const identity = makeIdentity(1)
const other = makeIdentity(2)
const { signal } = new AbortController()
const big = Buffer.alloc(maxSmallBytes + 1, 'x')

/** A node whose clients deploy. */
class Shore {
  readonly node = new MemoryNode()
  /** Times that those were told who wait for news. */
  told = 0
  readonly #deployer: Deployer

  constructor(
    storeOf = (store: DeployerParts['store']) => store,
    options: Partial<Pick<DeployerParts, 'types' | 'examiner'>> = {},
  ) {
    const { store, blobs, clock } = this.node
    const { examiner = this.node.examiner, types = new Set(entityTypes) } = options
    const news = new News()
    news.onNews(() => this.told++)
    this.#deployer = new Deployer({
      store: storeOf(store),
      blobs,
      examiner,
      rateLimit: new RateLimit({ clock, limits: rateLimits }),
      window: deploymentWindow,
      types,
      clock,
      news,
    })
  }

  [Symbol.dispose](): void {
    this.node[Symbol.dispose]()
  }

  profile(name = 'Somebody', agoMs = 0): SignedEntity {
    return signedProfile({ identity, timestamp: this.node.clock.now() - agoMs, name })
  }

  scene(
    pointers: readonly string[],
    files: Readonly<Record<string, Uint8Array>> = {},
  ): SignedEntity {
    return signedScene({ identity, timestamp: this.node.clock.now(), pointers, files })
  }

  /** Uploads all of its files, or those alone that are given. */
  async deploy(
    { entityId, authChain, file, contents }: SignedEntity,
    uploads: Iterable<Uint8Array> = [file, ...contents.values()],
  ): Promise<number> {
    const limits = { maxBytes: Number.MAX_SAFE_INTEGER, signal }
    const files = await Promise.all(
      [...uploads].map((bytes) => this.node.receive(Readable.from([bytes]), limits)),
    )
    return this.#deployer.deploy({ entityId, authChain, files }, signal)
  }
}

describe('a deployment', () => {
  it('N5 is active with its content from its local time on, and who waits for news is told', async () => {
    using shore = new Shore()
    const scene = shore.scene(['0,0'], { 'big.bin': big })
    expect(await shore.deploy(scene)).toBe(shore.node.clock.now())
    expect(await shore.node.active()).toEqual([scene.entityId])
    const hashes = [...scene.contents.keys(), scene.entityId]
    expect([...(await shore.node.blobs.sizes(hashes)).keys()].sort()).toEqual(hashes.sort())
    expect(shore.told).toBe(1)
    expect(shore.node.dropped).toEqual([])
  })

  it('may have an entity file that is too big for a row', async () => {
    using shore = new Shore()
    const profile = shore.profile('x'.repeat(maxSmallBytes))
    await shore.deploy(profile)
    expect(await shore.node.active()).toEqual([profile.entityId])
  })

  it('that is known is answered with the time of then, and not looked at', async () => {
    using shore = new Shore()
    const scene = shore.scene(['0,0'])
    const thenMs = await shore.deploy(scene)
    await shore.node.pass(2 * deploymentWindow.maxAgeMs)
    expect(await shore.deploy({ ...scene, authChain: [] })).toBe(thenMs)
    expect(shore.node.dropped.toSorted()).toEqual([...scene.contents.keys(), scene.entityId].sort())
    expect(shore.told).toBe(1)
  })

  it('that a peer brings at the same time is not refused for itself', async () => {
    let isFirst = true
    using shore: Shore = new Shore((store) => ({
      known: async (ids) => {
        const known = await store.known(ids)
        if (!isFirst) return known
        isFirst = false
        await shore.deploy(scene)
        return known
      },
      overtaken: (offers) => store.overtaken(offers),
      pointless: (offers) => store.pointless(offers),
      deploy: (effect) => store.deploy(effect),
    }))
    const scene = shore.scene(['0,0'])
    expect(await shore.deploy(scene)).toBe(shore.node.clock.now())
    expect(shore.node.dropped.toSorted()).toEqual([...scene.contents.keys(), scene.entityId].sort())
    expect(shore.told).toBe(1)
  })

  it('does not wait for one of its pointer that nobody has signed yet', async () => {
    const [asked, answered] = [new AbortController(), new AbortController()]
    const errorsOf = async (): Promise<readonly string[]> => {
      if (asked.signal.aborted) return []
      asked.abort()
      await once(answered.signal, 'abort')
      return ['Not signed.']
    }
    const examiner = new Examiner({ ...examinerParts, wallets: { errorsOf } })
    using shore = new Shore((store) => store, { examiner })
    const unsigned = shore.deploy(shore.profile('Nobody'))
    const refused = expect(unsigned).rejects.toThrow('Not signed.')
    await once(asked.signal, 'abort')
    const profile = shore.profile()
    const signed = shore.deploy(profile)
    await shore.node.pass(1_000)
    await signed
    answered.abort()
    await refused
    expect(await shore.node.active()).toEqual([profile.entityId])
  })

  it('N21 may rely on content that is here, which is held for it', async () => {
    using shore = new Shore()
    const files = { 'big.bin': big }
    await shore.deploy(shore.scene(['0,0'], files))
    await shore.node.pass(2 * holdMs)
    const scene = shore.scene(['5,5'], files)
    const index = [...scene.contents.values()].filter((bytes) => bytes !== big)
    await shore.deploy(scene, [scene.file, ...index])
    expect(await shore.node.active()).toContain(scene.entityId)
    expect([...shore.node.disk.values()].map(({ receivedMs }) => receivedMs)).toEqual([
      shore.node.clock.now(),
    ])
  })
})

describe('a deployment is refused, and nothing of it stays,', () => {
  /** Nobody is told, and all that came is dropped. */
  async function refused(
    shore: Shore,
    signed: SignedEntity,
    words: string,
    uploads: readonly Uint8Array[] = [signed.file, ...signed.contents.values()],
  ): Promise<void> {
    const [told, dropped, active] = [
      shore.told,
      shore.node.dropped.length,
      await shore.node.active(),
    ]
    await expect(shore.deploy(signed, uploads)).rejects.toMatchObject({
      name: 'Refused',
      errors: [expect.stringContaining(words)],
    })
    expect(shore.told).toBe(told)
    expect(shore.node.dropped).toHaveLength(dropped + uploads.length)
    expect(await shore.node.active()).toEqual(active)
    expect((await shore.node.store.known([signed.entityId])).size).toBe(0)
  }

  it('without its own file, or where that cannot be read', async () => {
    using shore = new Shore()
    const scene = shore.scene(['0,0'])
    await refused(shore, scene, 'Failed to find the entity file.', [...scene.contents.values()])
    const broken = signedEntity({ identity, timestamp: 0, type: 'scene', pointers: ['0,0'] })
    await refused(shore, broken, 'timestamp')
  })

  it('with an entity file too big for a row that nobody signed, or too big for anybody', async () => {
    using shore = new Shore()
    const unsigned = { ...shore.profile('x'.repeat(maxSmallBytes)), authChain: [] }
    await refused(shore, unsigned, '')
    await refused(shore, shore.profile('x'.repeat(maxEntityBytes)), 'The entity file is too big.')
    expect(shore.node.disk.size).toBe(0)
    expect(shore.node.readFiles).toBe(1)
  })

  it('if it is of a kind that this node does not hold', async () => {
    using shore = new Shore((store) => store, { types: new Set(['scene']) })
    await refused(shore, shore.profile(), 'This node holds no entities of the type profile')
    await shore.deploy(shore.scene(['0,0']))
  })

  it('if a part of its content is neither here nor with it', async () => {
    using shore = new Shore()
    const scene = shore.scene(['0,0'], { 'big.bin': big })
    await refused(shore, scene, "Couldn't fetch content file", [scene.file, big])
    expect(shore.node.disk.size).toBe(0)
  })

  it('if its time is not about now', async () => {
    using shore = new Shore()
    const { maxAgeMs, maxAheadMs } = deploymentWindow
    await refused(shore, shore.profile('Late', maxAgeMs + 1), 'not recent enough')
    await refused(shore, shore.profile('Early', -maxAheadMs - 1), 'too far in the future')
    await shore.deploy(shore.profile('Just', maxAgeMs))
  })

  it('N2 if something greater was seen at any of its pointers, or at all of them', async () => {
    using shore = new Shore()
    const older = [shore.scene(['1,1']), shore.scene(['0,0', '1,1'])]
    await shore.node.pass(1)
    await shore.deploy(shore.scene(['1,1']))
    for (const scene of older) await refused(shore, scene, 'There is a newer entity')
  })

  it('N3 if something of the same millisecond has the greater id', async () => {
    using shore = new Shore()
    const [less, greater] = [shore.profile('One'), shore.profile('Two')].toSorted((a, b) =>
      compareEntities({ ...a, timestamp: 0 }, { ...b, timestamp: 0 }),
    )
    if (less === undefined || greater === undefined) throw new Error('there are two')
    await shore.deploy(greater)
    await refused(shore, less, 'There is a newer entity')
  })

  it('N20 in the words of who examines it; its pointer is free then, and has not to rest', async () => {
    using shore = new Shore()
    const profile = shore.profile()
    const authChain = signedProfile({ identity: other, timestamp: 1 }).authChain
    await refused(shore, { ...profile, authChain }, 'The signature is invalid.')
    await shore.deploy(profile)
  })

  it('if its pointer has to rest', async () => {
    using shore = new Shore()
    await shore.deploy(shore.profile())
    await shore.node.pass(2_999)
    await refused(shore, shore.profile('Again'), 'Entity rate limited')
    await shore.node.pass(1)
    await shore.deploy(shore.profile('Again'))
  })

  it('while another one is made at any of its pointers', async () => {
    using shore = new Shore()
    const [one, two, three] = [['0,0', '1,1'], ['1,1', '2,2'], ['3,3']].map((pointers) =>
      shore.scene(pointers),
    )
    if (one === undefined || two === undefined || three === undefined) throw new Error('three')
    const first = shore.deploy(one)
    const second = shore.deploy(two)
    const third = shore.deploy(three)
    await expect(second).rejects.toThrow(
      "The following pointers are currently being deployed: '1,1'. Please try again in a few seconds.",
    )
    await Promise.all([first, third])
    expect((await shore.node.active()).toSorted()).toEqual(
      [one.entityId, three.entityId].toSorted(),
    )
    expect(shore.node.dropped).toContain(two.entityId)
    expect(shore.node.dropped).not.toContain(one.entityId)
    await shore.node.pass(rateLimits.types.scene.restMs)
    await shore.deploy(shore.scene(['1,1', '2,2']))
  })
})

it('what could not be written is dropped and told as such, and may come again at once', async () => {
  let isAway = true
  using shore = new Shore((store) => ({
    known: (ids) => store.known(ids),
    overtaken: (offers) => store.overtaken(offers),
    pointless: (offers) => store.pointless(offers),
    deploy: (effect) => {
      if (!isAway) return store.deploy(effect)
      isAway = false
      return Promise.reject(new SyncError('database', 'The disk is gone.'))
    },
  }))
  const scene = shore.scene(['0,0'])
  await expect(shore.deploy(scene)).rejects.toMatchObject({ code: 'database' })
  expect(shore.node.dropped).toHaveLength(2)
  expect(shore.told).toBe(0)
  await shore.deploy(scene)
  expect(await shore.node.active()).toEqual([scene.entityId])
})
