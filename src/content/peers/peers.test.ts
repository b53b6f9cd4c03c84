import { expect, test } from 'vitest'
import type { PeerClient } from './peer-client.ts'
import { Peers } from './peers.ts'

const client = {} as PeerClient

function peersOf(...ids: readonly number[]): Peers {
  const peers = new Peers()
  for (const id of ids) peers.add(id, client)
  return peers
}

const enter = async (): Promise<() => void> => () => undefined

async function fetchFrom(peers: Peers, id: number, tookMs: number): Promise<void> {
  let nowMs = 0
  await peers.using(id, { enter, fetch: async () => (nowMs = tookMs), now: () => nowMs })
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
  const fetch = (): Promise<never> => Promise.reject(new Error('gone'))
  const broken = peers.using(1, { enter, fetch, now: () => 0 })
  await expect(broken).rejects.toThrow('gone')
  expect(peers.inTurn(null)).toEqual([2, 1])
  for (let n = 0; n < 40; n++) await fetchFrom(peers, 1, 1)
  expect(peers.inTurn(null)).toEqual([1, 2])
})

test('whoever is busy leaves the next one to others', async () => {
  const peers = peersOf(1, 2)
  let done: () => void = () => undefined
  const fetch = (): Promise<void> => new Promise((resolve) => (done = resolve))
  const slow = peers.using(1, { enter, fetch, now: () => 0 })
  await Promise.resolve()
  expect(peers.inTurn(null)).toEqual([2, 1])
  done()
  await slow
  peers.remove(1)
  expect(peers.inTurn(1)).toEqual([2])
})

test('whoever is waited for is busy already, and his time does not begin before', async () => {
  const peers = peersOf(1, 2)
  let nowMs = 0
  let go: (leave: () => void) => void = () => undefined
  const waiting = peers.using(1, {
    enter: () => new Promise((resolve) => (go = resolve)),
    fetch: async () => undefined,
    now: () => nowMs,
  })
  expect(peers.inTurn(null)).toEqual([2, 1])
  nowMs = 60_000
  go(() => undefined)
  await waiting
  expect(peers.inTurn(null)).toEqual([1, 2])
})

test('whoever is not there any more cannot be reached, also when it was his turn', async () => {
  const peers = peersOf(1)
  const gone = { code: 'unreachable' }
  const fetch = async (): Promise<string> => 'content'
  let left = 0
  const late = async (): Promise<() => void> => {
    peers.remove(1)
    return () => left++
  }
  await expect(peers.using(1, { enter: late, fetch, now: () => 0 })).rejects.toMatchObject(gone)
  expect(left).toBe(1)
  await expect(peers.using(1, { enter, fetch, now: () => 0 })).rejects.toMatchObject(gone)
})
