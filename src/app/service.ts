import { readdir } from 'node:fs/promises'
import type { Log } from '../base/log.ts'
import type { Engine, Observer } from '../engine/engine.ts'
import type { Policy } from '../engine/policy.ts'
import type { Covers as CoversFace } from '../http/covers.ts'
import type { Check } from '../http/health.ts'
import {
  createServer,
  createWorkerServer,
  type HttpParts,
  type HttpServer,
} from '../http/server.ts'
import type { Reach } from '../content/node-facts.ts'
import { Covers } from '../library/covers.ts'
import { coverRefusal } from '../store/sql/cover-refusal.ts'
import { attendance } from './attendance.ts'
import type { Config } from './config.ts'
import { openCore, type Core } from './core.ts'
import { endAll } from './end-all.ts'
import { Events } from './events.ts'
import { makeLog } from './logger.ts'
import { SourceTitles } from './source-title.ts'
import { version } from './version.ts'
import { folderTrouble } from './content-mark.ts'
import type { ContentNode } from './content-node.ts'
import { contentFolder } from './content-peers.ts'
import { NodeFigures } from './node-figures.ts'
import { WorkFigures } from './work-figures.ts'
import { startWork } from './work.ts'

/** A running server. */
export interface Service {
  readonly core: Core
  /** Ends with a slash; null where this process does not answer over HTTP at all. */
  readonly url: string | null
  /** Takes no more requests, lets tasks end for a moment, gives the others back, closes everything. */
  stop(): Promise<void>
}

/** Tasks are given so long to end before they are given back, in milliseconds. */
const drainMs = 5_000

/**
 * Does what the roles say: the work, answers over HTTP, or both. Throws `busy` when another process does the work on
 * this data folder and there can be one only.
 */
export async function startService(
  config: Config,
  extra: { readonly policy?: Partial<Policy>; readonly observer?: Observer } = {},
): Promise<Service> {
  const log = makeLog(config.logLevel)
  const core = await openCore(config, { policy: extra.policy ?? {}, log })
  const named = new SourceTitles(core.registry).naming(log)
  const events = new Events(named, config.roles.has('sync') ? core.policy.slots : noSlots)
  const started: (() => Promise<void>)[] = [() => core.close()]
  const stop = (): Promise<void> => endAll(started.splice(0))
  try {
    await core.content?.start()
    let engine: Engine | null = null
    if (config.roles.has('sync')) {
      const work = await startWork(core, named, both(events, extra.observer))
      engine = work.engine
      started.push(() => work.stop(drainMs))
    } else await watch(core)
    let url: string | null = null
    if (config.roles.has('api') || config.isPortGiven) {
      const server = await makeServer(core, engine, { events, log })
      started.push(() => server.close())
      url = (await server.listen(config.port)).href
    }
    if (config.roles.has('sync')) await core.content?.follow()
    log.info({ url, roles: [...config.roles], database: core.database.title, version }, 'serving')
    return { core, url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Of a process that does none of the work. */
const noSlots = { list: 0, read: 0 } as const

/** Where other processes do the work: what they and commands change is seen here, too. */
async function watch(core: Core): Promise<void> {
  await core.blobs.open()
  core.changes.start(() => {
    void core.sources.refresh()
    core.content?.news.tell()
  })
}

function makeServer(
  core: Core,
  engine: Engine | null,
  { events, log }: { readonly events: Events; readonly log: Log },
): Promise<HttpServer> {
  const { config, registry, operations, catalogue, tasks, changes, clock } = core
  const { host, token, names } = config
  const figures = new WorkFigures({
    operations,
    sql: core.database.sql,
    clock,
    metrics: events.metrics,
  })
  const nodeFigures = nodeFiguresOf(core, events)
  const parts: HttpParts = {
    registry,
    operations,
    catalogue,
    tasks,
    covers: coversFace(core),
    progress: changes,
    metrics: {
      contentType: events.metrics.contentType,
      text: async () => {
        await Promise.all([figures.look(), nodeFigures?.look()])
        return events.metrics.metrics()
      },
    },
    checks: () => looks(core, engine),
    log,
    clock,
    access: { host, token, names },
    version,
    ...(core.content === null ? {} : { content: core.content.face }),
  }
  return config.roles.has('api') ? createServer(parts) : createWorkerServer(parts)
}

/** Null: it is no content node. */
function nodeFiguresOf({ content, clock }: Core, { metrics }: Events): NodeFigures | null {
  if (content === null) return null
  const { facts, store } = content
  const [status, newestMs] = [() => content.status, () => store.newestMs()]
  return new NodeFigures({ facts, status, newestMs, clock, metrics })
}

/** Covers by their number, for whoever may see them. */
function coversFace({ catalogue, blobs, sources, database }: Core): CoversFace {
  const covers = new Covers({
    catalogue,
    blobs,
    source: (id) => sources.of(id),
    refusal: async (id) => coverRefusal(database.sql, id, await database.sql.now()),
  })
  return {
    read: async (coverId, ownerId, signal) => {
      const cover = await catalogue.cover(coverId)
      if (cover === null || (ownerId !== null && cover.ownerId !== ownerId)) return null
      return covers.get(cover, signal)
    },
  }
}

/** What `/health` looks at besides stalls: somebody works, the database answers, the data folder can be read. Throws otherwise. */
async function looks(core: Core, engine: Engine | null): Promise<readonly Check[]> {
  const { database, config } = core
  const refusal = engine?.refusal ?? null
  await database.sql.get('select 1 from owner limit 1')
  await readdir(config.dataFolder)
  const { isWell, text } = await attendance(core)
  return [
    { name: 'work', isWell, message: text },
    {
      name: 'database',
      isWell: refusal === null,
      message: refusal?.message ?? 'It answers and takes what is written.',
    },
    { name: 'data folder', isWell: true, message: 'It can be read.' },
    ...(core.content === null ? [] : await nodeChecks(core.content, config.dataFolder)),
  ]
}

async function nodeChecks({ store, facts }: ContentNode, dataFolder: string): Promise<Check[]> {
  const trouble = await folderTrouble({ store, folder: contentFolder(dataFolder) })
  const message = trouble ?? 'It is the one that the content lies in.'
  const folder = { name: 'content folder', isWell: trouble === null, message }
  return [folder, peersCheck(await facts.reach())]
}

/** A node goes on without its peers: whoever is to act is told, and nothing is restarted for it. */
function peersCheck({ known, unreachable }: Reach): Check {
  const isAlone = known > 0 && unreachable === known
  const message = isAlone
    ? `Unreachable: ${known} of ${known} peers. Since when, and why, tells roundelay node status.`
    : `Reachable: ${known - unreachable} of ${known} peers.`
  return { name: 'peers', isWell: true, message }
}

function both(one: Observer, other: Observer = {}): Observer {
  return {
    claimed: (claim) => {
      one.claimed?.(claim)
      other.claimed?.(claim)
    },
    ended: (claim, result, isHeld) => {
      one.ended?.(claim, result, isHeld)
      other.ended?.(claim, result, isHeld)
    },
    expired: (claim) => {
      one.expired?.(claim)
      other.expired?.(claim)
    },
    checked: (sourceId, isWell) => {
      one.checked?.(sourceId, isWell)
      other.checked?.(sourceId, isWell)
    },
    turned: (tookMs, results) => {
      one.turned?.(tookMs, results)
      other.turned?.(tookMs, results)
    },
  }
}
