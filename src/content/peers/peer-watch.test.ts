import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { SyncError } from '../../base/errors.ts'
import { parseEndpoint } from '../../base/remote/endpoint.ts'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { NewsPace } from './news-pace.ts'
import { PeerClient, type PeerHost } from './peer-client.ts'
import { PeerWatch } from './peer-watch.ts'

/** A peer of our own kind; `news` says what it tells, after how many milliseconds. */
async function watched(
  news: (since: number) => readonly [newest: number, afterMs: number],
): Promise<{
  clock: VirtualClock
  asked: () => number
  told: () => number
  /** It cannot be reached from now on, or can again. */
  setAway: (isAway: boolean) => void
  /** Somebody else asks it for something. */
  poll: () => Promise<unknown>
  stop: () => Promise<void>
}> {
  const clock = new VirtualClock()
  let [asked, told] = [0, 0]
  let isAway = false
  const host: PeerHost = {
    endpoint: parseEndpoint('http://peer.example/content'),
    request: async ({ path }, signal) => {
      const since = new URL(path, 'http://peer.example').searchParams.get('since')
      let body = '[]'
      if (since !== null) {
        asked++
        if (isAway) throw new SyncError('unreachable', 'Nobody is there.')
        const [newest, afterMs] = news(Number(since))
        await clock.sleep(afterMs, signal)
        body = JSON.stringify({ newest })
      }
      const header = (name: string): string | undefined =>
        name === 'roundelay-content' ? '1' : undefined
      return { status: 200, path, header, body: Readable.from([Buffer.from(body)]) }
    },
    failure: () => new SyncError('unavailable', 'It fails.'),
    close: async () => undefined,
  }
  const client = new PeerClient(host)
  await client.snapshots(new AbortController().signal)
  const watch = new PeerWatch({
    client,
    pace: new NewsPace({ clock }),
    clock,
    random: () => 0.5,
    onNews: () => told++,
  })
  return {
    clock,
    asked: () => asked,
    told: () => told,
    setAway: (next) => (isAway = next),
    poll: () => client.snapshots(new AbortController().signal),
    stop: () => watch.stop(),
  }
}

it('tells of news as soon as the peer does, and asks on', async () => {
  let newest = 5
  const { clock, told, stop } = await watched((since) => [newest, since < newest ? 0 : 25_000])
  await clock.runUntil(() => told() === 1, 1_000)
  newest = 6
  await clock.runUntil(() => told() === 2, 26_000)
  expect(told()).toBe(2)
  await stop()
})

it('asks a peer that does not wait no oftener than every other second', async () => {
  const { clock, asked, told, stop } = await watched(() => [0, 0])
  await clock.runUntil(() => false, 60_000)
  expect(asked()).toBeGreaterThan(10)
  expect(asked()).toBeLessThan(40)
  expect(told()).toBe(0)
  await stop()
})

it('ends in the middle of a question', async () => {
  const { asked, clock, stop } = await watched(() => [0, 1_000_000])
  await clock.runUntil(() => asked() === 1, 1_000)
  await stop()
  expect(asked()).toBe(1)
})

it('rests from a peer that is away, and asks on once anybody has had an answer of it', async () => {
  let newest = 5
  const { clock, asked, told, setAway, poll, stop } = await watched((since) => [
    newest,
    since < newest ? 0 : 25_000,
  ])
  await clock.runUntil(() => told() === 1, 1_000)
  setAway(true)
  newest = 6
  await clock.runUntil(() => false, 30 * 60_000)
  expect(asked()).toBeLessThan(20)
  setAway(false)
  const before = asked()
  await clock.runUntil(() => false, 10_000)
  expect([asked(), told()]).toEqual([before, 1])
  await poll()
  await clock.runUntil(() => told() > 1, 2_000)
  expect(told()).toBe(2)
  await stop()
})
