import { expect, test } from 'vitest'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { CatchingUp, caughtUpFact, type CatchingUpParts, type PeerProgress } from './catching-up.ts'

const behind: PeerProgress = { isCaughtUp: false, isUnwell: false }
const level: PeerProgress = { isCaughtUp: true, isUnwell: false }
const away: PeerProgress = { isCaughtUp: false, isUnwell: true }

function facts(): CatchingUpParts['facts'] & { readonly known: Map<string, string> } {
  const known = new Map<string, string>()
  return {
    known,
    fact: async (name) => known.get(name) ?? null,
    setFact: async (name, value) => {
      known.set(name, value)
    },
  }
}

test('a node has caught up when all peers that answer were gone through, one at least; it is told once', async () => {
  const clock = new VirtualClock()
  let peers: readonly PeerProgress[] = []
  let told = 0
  const kept = facts()
  const catchingUp = new CatchingUp({
    facts: kept,
    clock,
    peers: async () => peers,
    isFirst: false,
    onCaughtUp: () => told++,
  })
  await catchingUp.start()
  const hasCaughtUp = (): boolean => catchingUp.state === 'Syncing'
  for (const still of [[], [behind], [behind, level], [away], [away, behind]]) {
    peers = still
    expect(await clock.runUntil(hasCaughtUp, 5_000)).toBe(false)
  }
  peers = [away, level]
  expect(await clock.runUntil(hasCaughtUp, 5_000)).toBe(true)
  await clock.runUntil(() => false, 5_000)
  expect(told).toBe(1)
  expect(kept.known.has(caughtUpFact)).toBe(true)
  await catchingUp.stop()
})

test('that it has caught up, or that it is the first, is remembered, and not told again', async () => {
  const kept = facts()
  for (const isFirst of [true, false]) {
    const catchingUp = new CatchingUp({
      facts: kept,
      clock: new VirtualClock(),
      peers: async () => [behind],
      isFirst,
      onCaughtUp: () => expect.unreachable(),
    })
    await catchingUp.start()
    expect(catchingUp.state).toBe('Syncing')
    await catchingUp.stop()
  }
})
