import { Registry as MetricsRegistry } from 'prom-client'
import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import type { PeerStanding } from '../content/node-facts.ts'
import { NodeFigures } from './node-figures.ts'

const peer = (state: PeerStanding['state'], more: Partial<PeerStanding> = {}): PeerStanding => ({
  id: 1,
  url: 'https://a.example/content',
  state,
  wellMs: null,
  nextMs: null,
  error: null,
  seenMs: null,
  levelMs: null,
  snapshots: 0,
  parts: 0,
  taken: 0,
  failed: 0,
  ...more,
})

async function told(facts: { peers: () => Promise<readonly PeerStanding[]> }): Promise<string[]> {
  const metrics = new MetricsRegistry()
  const figures = new NodeFigures({
    facts,
    status: () => ({ state: 'Syncing' }),
    newestMs: async () => 2_000,
    clock: { ...systemClock, now: () => 100_000 },
    metrics,
  })
  await figures.look()
  const text = await metrics.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('how peers stand, and how far it is behind the last of those that it follows', async () => {
  const peers = [
    peer('following', { levelMs: 99_000, failed: 2 }),
    peer('following', { levelMs: 90_000, failed: 1 }),
    peer('unreachable', { levelMs: 1 }),
  ]
  expect(await told({ peers: async () => peers })).toEqual([
    'content_caught_up 1',
    'content_peers{state="bootstrapping"} 0',
    'content_peers{state="following"} 2',
    'content_peers{state="unreachable"} 1',
    'content_peers{state="stopped"} 0',
    'content_peers{state="paused"} 0',
    'content_peer_lag_seconds 10',
    'content_deployments_failed 3',
    'content_newest_deployment_seconds 2',
  ])
})

test('a database that is away leaves the rest', async () => {
  const away = (): Promise<never> => Promise.reject(new Error('away'))
  expect(await told({ peers: away })).toEqual(['content_caught_up 1'])
})
