/** What clients deploy, and how it comes to others. */
import { median, percentile } from '../scheduler/statistics.ts'
import { Deployments, formOf, type Form } from './deploying.ts'
import type { Findings, StageOptions } from './measured.ts'
import { checkActive, openFolder, snapshotsReady, startNode } from './node.ts'
import { follow, type Following } from './peers.ts'
import { signedPeople } from './population.ts'
import { propagations } from './propagation.ts'

/** A while that is not counted, then deployments of people whom the node has not seen before. */
export async function deploy({ sizes, runs, note }: StageOptions): Promise<Findings> {
  const values: number[] = []
  for (let run = 0; run < runs; run++) {
    await using folder = await openFolder()
    await using node = await startNode(folder.path)
    const warm = Math.ceil(sizes.deployments / 4)
    const { ids, forms } = await formsOfNow(sizes.deployments + warm)
    await using deployments = new Deployments(node.base, inFlight)
    await deployments.all(forms.slice(0, warm))
    const before = await node.usage()
    values.push(await deployments.all(forms.slice(warm)))
    const { cpuMs } = await node.usage()
    await checkActive(node.base, ids)
    const each = (cpuMs - before.cpuMs) / sizes.deployments
    note(
      `deploy: ${Math.round(values.at(-1) ?? 0)} a second, ${each.toFixed(2)} ms of processor each`,
    )
  }
  return { deploy: { value: median(values) } }
}

const inFlight = 4

export async function propagate({ sizes }: StageOptions): Promise<Findings> {
  await using folder = await openFolder()
  await using other = await openFolder()
  await using first = await startNode(folder.path)
  await snapshotsReady(first.base)
  await using second = await startNode(other.path, { peers: [first.base] })
  const way = { from: first.base, to: second.base }
  const all = [...signedPeople({ people: sizes.propagations + warmUp, ...present() })]
  await propagations(way, all.slice(0, warmUp))
  const found = await propagations(way, all.slice(warmUp))
  const detail = `half of ${found.length} within ${Math.round(median(found))} ms, the last after ${Math.round(Math.max(...found))} ms`
  return { propagation: { value: percentile(found, 0.99), detail } }
}

/** Deployments by which the two get to know each other. */
const warmUp = 10

export async function followPeers({ sizes, note }: StageOptions): Promise<Findings> {
  const found: Following[] = []
  for (const peers of sizes.peers) {
    const { forms } = await formsOfNow(sizes.peerEntities)
    const following = await follow(peers, forms)
    found.push(following)
    note(`peers: ${described(following)}`)
  }
  const [few, many] = [found.at(0), found.at(-1)]
  if (few === undefined || many === undefined) throw new Error('There is no number of peers.')
  return {
    peers: {
      value: many.cpuMs / few.cpuMs,
      isWithin: many.contentBytes <= flat * few.contentBytes,
      detail: `for each entity, ${found.map(described).join('; ')}; content is to stay the same`,
    },
  }
}

/** What is the same in bytes: headers differ by some. */
const flat = 1.05

function described({ peers, cpuMs, contentBytes, feedBytes }: Following): string {
  return `${peers} ${peers === 1 ? 'peer' : 'peers'}: ${cpuMs.toFixed(2)} ms, ${Math.round(contentBytes)} B of content, ${Math.round(feedBytes)} B of lists`
}

interface Signed {
  readonly ids: readonly string[]
  readonly forms: readonly Form[]
}

async function formsOfNow(people: number): Promise<Signed> {
  const signed = [...signedPeople({ people, ...present() })]
  return {
    ids: signed.map(({ entityId }) => entityId),
    forms: await Promise.all(signed.map(formOf)),
  }
}

/** Clients may deploy what is of now, give or take some minutes. */
const present = (): { fromMs: number; stepMs: number } => ({
  fromMs: Date.now() - 60_000,
  stepMs: 1,
})
