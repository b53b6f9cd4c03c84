/** A node with a number of profiles: what it answers, and how a new one takes them up. */
import { median } from '../scheduler/statistics.ts'
import type { Deployment } from '../../src/content/entity.ts'
import { makeIdentity, signedProfile } from '../../test/content/signer.ts'
import { bootstrap, bootstraps, type Bootstrap } from './bootstrap.ts'
import { Deployments, formOf } from './deploying.ts'
import { feed } from './feed.ts'
import type { Findings, Measured, StageOptions } from './measured.ts'
import { checkActive, openFolder, snapshotsHold, snapshotsReady, startNode } from './node.ts'
import { deploymentsOf, past } from './population.ts'
import { rate, rateRequests, type RateId } from './rates.ts'
import { restart } from './restart.ts'

/** Rates, and bootstraps from nothing. */
export async function fewProfiles(options: StageOptions): Promise<Findings> {
  const { sizes, runs, wants, note } = options
  await using folder = await openFolder()
  const ids = await filled(folder.path, sizes.profiles)
  await using source = await startNode(folder.path)
  await snapshotsReady(source.base)
  const findings: Findings = {}
  for (const id of ['contents', 'snapshots', 'changes-500'] as const) {
    if (wants(id)) findings[id] = await rateOf(id, source.base, options)
  }
  if (!wants('bootstrap') && !wants('bootstrap-cpu')) return findings
  const from = { source: source.base, count: ids.length }
  const found = await bootstraps(runs, from, (base) => checkActive(base, ids))
  for (const each of found) note(`bootstrap: ${told(each, ids.length)}`)
  return {
    ...findings,
    bootstrap: { value: ids.length / median(found.map(({ seconds }) => seconds)) },
    'bootstrap-cpu': { value: median(found.map(({ cpuMs }) => cpuMs)) / ids.length },
  }
}

/** Memory, beside what a tenth of them takes; then the same node once more. */
export async function manyProfiles({ sizes, note }: StageOptions): Promise<Findings> {
  const few = await peakWith(sizes.profiles)
  await using folder = await openFolder()
  await using other = await openFolder()
  const ids = await filled(folder.path, sizes.manyProfiles)
  await using source = await startNode(folder.path)
  await snapshotsReady(source.base)
  const place = { source: source.base, folder: other.path }
  const many = await bootstrap({ ...place, count: ids.length }, async (base) => {
    await checkActive(base, ids)
    // What starts again has nothing left to do but what it missed.
    await snapshotsHold(base, ids.length)
  })
  note(`bootstrap of ${ids.length}: ${told(many, ids.length)}`)
  const growth = many.peakBytes / few
  return {
    'bootstrap-memory': {
      value: many.peakBytes,
      isWithin: growth <= mostGrowth,
      detail: `${growth.toFixed(2)} times of ${megabytes(few)} at ${sizes.profiles}; no more than ${mostGrowth} times is promised`,
    },
    restart: { value: await restart(place, await missed(source.base)) },
  }
}

const mostGrowth = 1.3

async function peakWith(profiles: number): Promise<number> {
  await using folder = await openFolder()
  const ids = await filled(folder.path, profiles)
  await using source = await startNode(folder.path)
  await snapshotsReady(source.base)
  const from = { source: source.base, count: ids.length }
  const [found] = await bootstraps(1, from, (base) => checkActive(base, ids))
  return found?.peakBytes ?? 0
}

/** The ids of those who live there now. */
async function filled(folder: string, profiles: number): Promise<readonly string[]> {
  const ids: string[] = []
  function* noted(): Generator<Deployment> {
    for (const deployment of deploymentsOf(past(profiles, Date.now()))) {
      ids.push(deployment.entityId)
      yield deployment
    }
  }
  await feed(folder, noted())
  return ids
}

/** Deployed while nobody looked. */
async function missed(base: string): Promise<string> {
  const signed = signedProfile({ identity: makeIdentity(0), timestamp: Date.now() })
  await using deployments = new Deployments(base, 1)
  await deployments.one(await formOf(signed))
  return signed.entityId
}

async function rateOf(id: RateId, ours: string, options: StageOptions): Promise<Measured> {
  const { sizes, peer, note } = options
  const measure = async (base: string): Promise<number> => {
    const value = await rate(base, await rateRequests[id](base), sizes)
    note(`${id} of ${base}: ${Math.round(value)} a second`)
    return value
  }
  const value = await measure(ours)
  return peer === null
    ? { value }
    : { value, peer: { name: peer, value: await measure(peer.replace(/\/+$/, '')) } }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

function told({ seconds, cpuMs, peakBytes }: Bootstrap, count: number): string {
  return `${seconds.toFixed(1)} s, ${(cpuMs / count).toFixed(2)} ms of processor each, ${megabytes(peakBytes)}`
}
