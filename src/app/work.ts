import type { Log } from '../base/log.ts'
import { Engine, type Observer } from '../engine/engine.ts'
import { LibraryHandler } from '../library/handler.ts'
import { readTags } from '../library/tags/read-tags.ts'
import { TagParser } from '../library/tags/tag-parser.ts'
import { Clearing, clearRemoved } from './clearing.ts'
import type { Core } from './core.ts'
import { endAll } from './end-all.ts'
import { Purge } from './purge.ts'
import type { WorkRight } from './store-database.ts'

/** The work of a process on its database: listing, reading, taking turns. */
export interface Work {
  readonly engine: Engine
  /** Removes, for a bounded time, what a server would remove once a day. */
  tidy(): Promise<void>
  /** Lets tasks end for `drainMs`, gives the others back, lets go of the database's work. */
  stop(drainMs: number): Promise<void>
}

/** What removed sources have left is cleared away in so many portions at the end of a command; then it waits for the next one. */
const tidyPortions = 20

/** Takes up the work. Throws `busy` when another process does it. */
export async function startWork(core: Core, log: Log, observer: Observer): Promise<Work> {
  return begin(core, await core.database.takeWork(), log, observer)
}

/** Takes up the work; null when another process does it. */
export async function tryStartWork(core: Core, log: Log, observer: Observer): Promise<Work | null> {
  const right = await core.database.tryTakeWork()
  return right === null ? null : begin(core, right, log, observer)
}

async function begin(core: Core, right: WorkRight, log: Log, observer: Observer): Promise<Work> {
  const parser = new TagParser({ clock: core.clock, threads: core.config.parsers })
  const handler = new LibraryHandler({
    readTags: (file, fetch, signal) => readTags(file, fetch, parser, signal),
  })
  const engine = new Engine({
    store: core.tasks,
    handler,
    sourceOf: (id) => core.sources.of(id),
    policy: core.policy,
    clock: core.clock,
    log,
    observer: {
      ...forwarding(observer),
      ended: (claim, result, isHeld) => {
        observer.ended?.(claim, result, isHeld)
        // What peers have brought is told on at once.
        if (claim.pool === 'peer' && isHeld) core.content?.news.tell()
      },
      turned: (tookMs, results) => {
        observer.turned?.(tookMs, results)
        core.changes.tell()
      },
    },
  })
  const purge = new Purge(core, log)
  const clearing = new Clearing(core, log)
  const stop = (drainMs: number): Promise<void> =>
    endAll([
      async () => right.release(),
      () => parser.close(),
      () => engine.stop(drainMs),
      () => core.changes.stop(),
      () => purge.stop(),
      () => clearing.stop(),
    ])
  try {
    await core.blobs.open()
    core.changes.start(() => {
      void core.sources.refresh()
      core.content?.news.tell()
      engine.wake()
      clearing.look()
    })
    await engine.start()
    await core.content?.startWork()
    purge.start()
    clearing.start()
  } catch (error) {
    await stop(0)
    throw error
  }
  const tidy = async (): Promise<void> => {
    await purge.afterSync()
    await clearRemoved(core, { maxPortions: tidyPortions })
  }
  return { engine, tidy, stop }
}

/** Methods of a class do not come along with a spread. */
function forwarding(observer: Observer): Observer {
  return {
    claimed: (claim) => observer.claimed?.(claim),
    ended: (claim, result, isHeld) => observer.ended?.(claim, result, isHeld),
    expired: (claim) => observer.expired?.(claim),
    checked: (sourceId, isWell) => observer.checked?.(sourceId, isWell),
  }
}
