/** Nodes with a great deal behind them. */
import { startChild } from '../child.ts'
import { bootstrap } from './bootstrap.ts'
import { Crossing } from './crossing.ts'
import { feed } from './feed.ts'
import type { Findings, StageOptions } from './measured.ts'
import { openFolder, snapshotsReady, startNode, until, askJson, isCaughtUp } from './node.ts'
import { syncTheOldWay } from './old-way.ts'
import { deploymentsOf, past, unsignedPeople } from './population.ts'

/** Its start included; memory beside what a tenth of it takes. */
export async function writeSnapshots({ sizes, note }: StageOptions): Promise<Findings> {
  const few = await snapshotRun(Math.ceil(sizes.snapshotEntities / 10))
  const many = await snapshotRun(sizes.snapshotEntities)
  for (const { entities, seconds, peakBytes } of [few, many]) {
    note(`snapshots of ${entities}: ${seconds.toFixed(1)} s, ${megabytes(peakBytes)} at most`)
  }
  return {
    'snapshot-1m': {
      value: many.seconds,
      isWithin: many.peakBytes <= flat * few.peakBytes,
      detail: `memory ${megabytes(many.peakBytes)} at most, ${megabytes(few.peakBytes)} with a tenth of the entities`,
    },
  }
}

/** So many times the memory of a tenth of it counts as no more. */
const flat = 1.3

interface SnapshotRun {
  readonly entities: number
  readonly seconds: number
  readonly peakBytes: number
}

async function snapshotRun(entities: number): Promise<SnapshotRun> {
  await using folder = await openFolder()
  await feed(folder.path, unsignedPeople(past(entities, Date.now())))
  const start = performance.now()
  await using node = await startNode(folder.path)
  await snapshotsReady(node.base)
  const seconds = (performance.now() - start) / 1_000
  const { peakBytes } = await node.usage()
  const offered = (await askJson(node.base, '/snapshots')) as readonly {
    readonly numberOfEntities: number
  }[]
  const written = offered.reduce((sum, { numberOfEntities }) => sum + numberOfEntities, 0)
  // Who stands on the border of two ranges is in both.
  if (written < entities) throw new Error(`${written} of ${entities} are in snapshots.`)
  return { entities, seconds, peakBytes: peakBytes ?? 0 }
}

/** The same history brought home twice: as it was done once, and as it is done by us. */
export async function oldAndNew({ sizes, note }: StageOptions): Promise<Findings> {
  const { historyPeople: people } = sizes
  await using folder = await openFolder()
  await feed(folder.path, deploymentsOf(past(people, Date.now(), each)))
  await using source = await startNode(folder.path)
  await snapshotsReady(source.base)
  const old = await oldWay(folder.path, source.base)
  if (old.deployed !== people * each) throw new Error(`The old way brought ${old.deployed} only.`)
  note(`the old way: ${old.seconds.toFixed(1)} s, ${old.requests} requests`)
  const ours = await newWay(source.base, people)
  note(`ours: ${ours.seconds.toFixed(1)} s, ${ours.requests} requests`)
  return {
    'old-sync': {
      value: ours.seconds,
      peer: { name: 'the old way', value: old.seconds },
      detail: `${ours.requests} requests, ${old.requests} in the old way`,
    },
  }
}

/** Deployments of each pointer. */
const each = 10

async function oldWay(folder: string, base: string): Promise<ReturnType<typeof syncTheOldWay>> {
  await using home = await openFolder()
  await using server = await startChild('content/old-server-process.ts', { folder })
  const history = `http://127.0.0.1:${server.port}`
  return await syncTheOldWay({ history, base }, home.path)
}

async function newWay(
  base: string,
  people: number,
): Promise<{ readonly seconds: number; readonly requests: number }> {
  await using home = await openFolder()
  const { port, pathname } = new URL(base)
  await using crossing = new Crossing(Number(port))
  const [way] = await crossing.open(1)
  const source = `http://127.0.0.1:${way}${pathname}`
  const { seconds } = await bootstrap(
    { source, folder: home.path, count: people },
    async (node) => {
      // Those who are active, and nobody else.
      await until('Catching up', () => isCaughtUp(node))
    },
  )
  const { content, feed: lists, other } = crossing.counters
  return { seconds, requests: content.requests + lists.requests + other.requests }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
