import { afterEach, describe, expect, it } from 'vitest'
import { makeIdentity, signedScene, type SignedEntity } from '../content/signer.ts'
import { inSqlite } from './content-keeping.ts'
import type { Told } from './link.ts'
import { Network, type NetworkParts } from './network.ts'
import { believingEverybody, leavingToOthers } from './planted-faults.ts'
import type { Spoiling } from './peer-sources.ts'
import { pollMs } from './sim-node.ts'

/** What must not go wrong by name: entities killed by one that has itself been overwritten meanwhile. */
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const networks: Network[] = []
afterEach(async () => {
  for (const network of networks.splice(0)) await network.close()
})

async function networkOf(
  names: readonly string[],
  isPlain = false,
  more: Pick<NetworkParts, 'spoiling' | 'tamper'> = {},
): Promise<Network> {
  const network = new Network({ seed: 1, keeping: inSqlite, isPlain: () => isPlain, ...more })
  networks.push(network)
  for (const name of names) await network.join(name)
  await network.pass(hour)
  return network
}

const author = makeIdentity(1)

function scene({ clock }: Network, pointers: readonly string[], agoMs = 0): SignedEntity {
  return signedScene({ identity: author, timestamp: clock.now() - agoMs, pointers })
}

async function deploy(network: Network, name: string, signed: SignedEntity): Promise<void> {
  expect(await network.deploy(name, signed), `deployed on ${name}`).toBe(true)
}

/** Ids of what is active on a node. */
async function activeOn(network: Network, name: string): Promise<readonly string[]> {
  const rows = await network
    .node(name)
    .store.activeIn({ init: 0, end: Number.MAX_SAFE_INTEGER }, null, 100)
  return rows.map(({ entityId }) => entityId)
}

/** Nodes have asked each other twice. */
async function exchange(network: Network): Promise<void> {
  await network.pass(2 * pollMs + minute)
}

/** `old` is killed by `killer` at 0,0, which is overwritten by `winner` at 1,0. */
interface Chain {
  readonly old: SignedEntity
  readonly killer: SignedEntity
  readonly winner: SignedEntity
}

function chainOf(network: Network): Omit<Chain, 'old'> {
  return {
    killer: scene(network, ['0,0', '1,0'], minute),
    winner: scene(network, ['1,0']),
  }
}

describe('late arrival', () => {
  it('N2 what comes late, overwrites one and is itself overwritten, kills all the same', async () => {
    const network = await networkOf(['anna', 'bob', 'charlie'])
    for (const name of ['anna', 'bob', 'charlie']) network.isolate(name, true)
    const old = scene(network, ['0,0'], 2 * minute)
    const { killer, winner } = chainOf(network)
    await deploy(network, 'anna', old)
    await deploy(network, 'bob', killer)
    await deploy(network, 'charlie', winner)
    // Anna has both ends of the chain before its middle.
    for (const [from, to] of [
      ['anna', 'charlie'],
      ['charlie', 'anna'],
    ] as const)
      network.weather(from, to).isCut = false
    await exchange(network)
    expect(new Set(await activeOn(network, 'anna'))).toEqual(
      new Set([old.entityId, winner.entityId]),
    )
    await network.heal()
    await exchange(network)
    for (const name of ['anna', 'bob', 'charlie']) {
      expect(await activeOn(network, name), name).toEqual([winner.entityId])
    }
    expect(await network.markFaults()).toEqual([])
    expect(await network.snapshotFaults()).toEqual([])
  })
})

/** Charlie, who is cut off from Anna, goes on to hold what the killer has killed there. */
async function keepOld(network: Network): Promise<SignedEntity> {
  const old = scene(network, ['0,0'])
  await deploy(network, 'anna', old)
  await exchange(network)
  expect(await activeOn(network, 'charlie')).toEqual([old.entityId])
  // From the next day on it stands in snapshots.
  await network.pass(2 * day)
  network.isolate('charlie', true)
  return old
}

async function overwrite(network: Network): Promise<Omit<Chain, 'old'>> {
  const chain = chainOf(network)
  await deploy(network, 'anna', chain.killer)
  await deploy(network, 'anna', chain.winner)
  return chain
}

/** Dora comes late: she reaches both, who go on without each other. */
async function joinLate(network: Network): Promise<void> {
  await network.join('dora')
  for (const name of ['anna', 'charlie']) {
    network.weather('dora', name).isCut = false
    network.weather(name, 'dora').isCut = true
  }
}

describe('a fresh node, where no snapshot holds the killer', () => {
  it('N9 hears of it by the changes since the oldest snapshot was made, from plain peers', async () => {
    const network = await networkOf(['anna', 'charlie'], true)
    await keepOld(network)
    const { winner } = await overwrite(network)
    await joinLate(network)
    await exchange(network)
    expect(await activeOn(network, 'dora')).toEqual([winner.entityId])
    await network.heal()
    expect(await network.settle(() => network.activeFaults())).toEqual([])
  })

  it.each([
    ['plain peers', true],
    ['peers of our own kind', false],
  ])('N9 hears from %s of what is of today, though the snapshots are newer', async (_, isPlain) => {
    const network = await networkOf(['anna', 'charlie'], isPlain)
    await network.pass(day - (network.clock.now() % day) + hour)
    const today = scene(network, ['5,5'])
    await deploy(network, 'anna', today)
    await network.pass(7 * hour)
    const later = scene(network, ['6,6'])
    await deploy(network, 'anna', later)
    await network.pass(7 * hour)
    await joinLate(network)
    await exchange(network)
    expect(new Set(await activeOn(network, 'dora'))).toEqual(
      new Set([today.entityId, later.entityId]),
    )
  })

  it('N10 hears of it by the dead that hold marks, from peers of our own kind, however long ago it was', async () => {
    const network = await networkOf(['anna', 'charlie'])
    await keepOld(network)
    const { winner } = await overwrite(network)
    await network.pass(3 * day)
    await joinLate(network)
    await exchange(network)
    expect(await activeOn(network, 'dora')).toEqual([winner.entityId])
    await network.heal()
    expect(await network.settle(() => network.markFaults())).toEqual([])
  })

  it('N11 and though what is dead was forgotten meanwhile', async () => {
    const network = await networkOf(['anna', 'charlie'])
    await keepOld(network)
    const { winner } = await overwrite(network)
    await network.pass(3 * day)
    await network.node('anna').collect({ graceMs: hour, keepDeadMs: hour })
    await joinLate(network)
    await exchange(network)
    expect(await activeOn(network, 'dora')).toEqual([winner.entityId])
  })
})

describe('a node that was away for long, where no snapshot holds the killer', () => {
  for (const isPlain of [true, false]) {
    const kind = isPlain ? 'plain peers' : 'peers of our own kind'
    it(`N12 hears of it by the changes since its cursor, from ${kind}`, async () => {
      const network = await networkOf(['anna', 'charlie'], isPlain)
      await keepOld(network)
      const { winner } = await overwrite(network)
      await network.pass(10 * day)
      await network.heal()
      expect(await network.settle(() => network.activeFaults())).toEqual([])
      expect(await activeOn(network, 'charlie')).toEqual([winner.entityId])
      expect(await network.markFaults()).toEqual([])
    })
  }

  it('N11 and though what is dead was forgotten meanwhile', async () => {
    const network = await networkOf(['anna', 'charlie'])
    await keepOld(network)
    const { winner } = await overwrite(network)
    await network.pass(10 * day)
    await network.node('anna').collect({ graceMs: hour, keepDeadMs: hour })
    await network.heal()
    await exchange(network)
    expect(await activeOn(network, 'charlie')).toEqual([winner.entityId])
  })
})

interface Listed {
  readonly hash: string
  replacedSnapshotHashes: readonly string[]
  readonly numberOfEntities: number
}

/** Says of each of its snapshots that it holds nothing but what was in the first one. */
function claimingAll(told: Told): Told {
  const list = JSON.parse(Buffer.from(told.bytes).toString()) as Listed[]
  const full = list.filter(({ numberOfEntities }) => numberOfEntities > 0)
  for (const each of full.slice(1)) each.replacedSnapshotHashes = [full[0]?.hash ?? '']
  return { ...told, bytes: Buffer.from(JSON.stringify(list)) }
}

/** Charlie has gone through the first snapshot, and comes back to a second one, of which Anna says that it is the first. */
async function liar(spoiling: Spoiling): Promise<readonly string[]> {
  const network = await networkOf(['anna', 'bob'], false, {
    spoiling,
    tamper: (name, path, told) =>
      name === 'anna' && path === '/snapshots' && told.status === 200 ? claimingAll(told) : told,
  })
  await deploy(network, 'anna', scene(network, ['0,0']))
  await network.pass(2 * day)
  const charlie = await network.join('charlie')
  await exchange(network)
  network.isolate('charlie', true)
  const second = scene(network, ['5,0'])
  await deploy(network, 'bob', second)
  await network.pass(2 * day)
  await deploy(network, 'bob', scene(network, ['9,0']))
  await network.pass(day)
  // It has to list them anew: their changes do not reach back to the second one.
  for (const { id, kind } of await charlie.registry.peers()) {
    if (kind === 'peer') await network.during(charlie.registry.removeSource(id))
  }
  await network.during(charlie.follow('anna'))
  await network.during(charlie.follow('bob'))
  network.isolate('charlie', false)
  await exchange(network)
  return (await activeOn(network, 'charlie')).filter((id) => id === second.entityId)
}

describe('that a snapshot replaces others', () => {
  it('N14 is believed of the peer that says it and of no other', async () => {
    expect(await liar({})).toHaveLength(1)
  })

  it('is not believed of everybody: that would be noticed', async () => {
    expect(await liar(believingEverybody)).toHaveLength(0)
  })
})

/** Charlie has begun to fetch from Anna what Bob offers as well, when Anna goes away for good. */
async function abandoned(spoiling: Spoiling): Promise<readonly string[]> {
  let isStuck = false
  const network = await networkOf(['anna', 'bob', 'charlie'], false, {
    spoiling,
    tamper: (name, path, told) => {
      if (isStuck || name !== 'anna' || path !== `/contents/${wanted}`) return told
      // From here on nothing of hers arrives for weeks.
      isStuck = true
      network.weather('charlie', 'anna').delayMs = 1_000 * day
      return told
    },
  })
  const charlie = network.node('charlie')
  let wanted = ''
  // All of it on one day: no snapshot brings what was overlooked.
  await network.pass(2 * hour)
  network.isolate('charlie', true)
  const signed = scene(network, ['0,0'])
  await deploy(network, 'anna', signed)
  await exchange(network)
  // Something newer: what was overlooked is not read again.
  await deploy(network, 'bob', scene(network, ['9,0']))
  network.weather('charlie', 'anna').isCut = false
  wanted = signed.entityId
  const sources = await charlie.registry.peers()
  const idOf = (name: string): number => sources.find((each) => each.name === name)?.id ?? 0
  await network.during(charlie.registry.ask(idOf('anna'), false))
  await network.clock.runUntil(() => isStuck, minute)
  expect(isStuck).toBe(true)
  network.weather('charlie', 'bob').isCut = false
  await network.during(charlie.registry.ask(idOf('bob'), false))
  await network.pass(minute)
  await network.during(charlie.registry.removeSource(idOf('anna')))
  network.isolate('anna', true)
  await exchange(network)
  return (await activeOn(network, 'charlie')).filter((id) => id === signed.entityId)
}

describe('an entity that two steps are at', () => {
  it('N15 is taken by the other one where the first does not come to its end', async () => {
    expect(await abandoned({})).toHaveLength(1)
  })

  it('is not left to the first one: that would be noticed', async () => {
    expect(await abandoned(leavingToOthers)).toHaveLength(0)
  })
})
