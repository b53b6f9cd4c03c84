import { expect, test } from 'vitest'
import type { PeerClient } from './peer-client.ts'
import { Peers } from './peers.ts'

const client = {} as PeerClient

function peersOf(...ids: readonly number[]): Peers {
  const peers = new Peers()
  for (const id of ids) peers.add(id, client)
  return peers
}

async function fetchFrom(peers: Peers, id: number, tookMs: number): Promise<void> {
  let nowMs = 0
  await peers.using(
    id,
    async () => (nowMs = tookMs),
    () => nowMs,
  )
}

test('who offered it is asked first, then the quick ones', async () => {
  const peers = peersOf(1, 2, 3)
  await fetchFrom(peers, 1, 900)
  await fetchFrom(peers, 2, 100)
  expect(peers.inTurn(null)).toEqual([3, 2, 1])
  expect(peers.inTurn(1)).toEqual([1, 3, 2])
  expect(peers.inTurn(9)).toEqual([3, 2, 1])
})

test('whoever fails is asked last, until he does well again', async () => {
  const peers = peersOf(1, 2)
  await fetchFrom(peers, 2, 200)
  const broken = peers.using(
    1,
    () => Promise.reject(new Error('gone')),
    () => 0,
  )
  await expect(broken).rejects.toThrow('gone')
  expect(peers.inTurn(null)).toEqual([2, 1])
  for (let n = 0; n < 40; n++) await fetchFrom(peers, 1, 1)
  expect(peers.inTurn(null)).toEqual([1, 2])
})

test('whoever is busy leaves the next one to others', async () => {
  const peers = peersOf(1, 2)
  let done: () => void = () => undefined
  const slow = peers.using(
    1,
    () => new Promise<void>((resolve) => (done = resolve)),
    () => 0,
  )
  expect(peers.inTurn(null)).toEqual([2, 1])
  done()
  await slow
  peers.remove(1)
  expect(peers.inTurn(1)).toEqual([2])
})
