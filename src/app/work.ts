import type { Log } from '../base/log.ts'
import { Engine, type Observer } from '../engine/engine.ts'
import { LibraryHandler } from '../library/handler.ts'
import { readTags } from '../library/tags/read-tags.ts'
import { TagParser } from '../library/tags/tag-parser.ts'
import { WorkLock } from '../store/sqlite/work-lock.ts'
import type { Core } from './core.ts'

/** The work of a process on its database: listing, reading, taking turns. */
export interface Work {
  readonly engine: Engine
  /** Lets tasks end for `drainMs`, gives the others back, lets go of the database's work. */
  stop(drainMs: number): Promise<void>
}

/** Takes up the work. Throws `busy` when another process does it. */
export async function startWork(core: Core, log: Log, observer: Observer): Promise<Work> {
  return begin(core, await WorkLock.take(core.lockPath, core.clock), log, observer)
}

/** Takes up the work; null when another process does it. */
export async function tryStartWork(core: Core, log: Log, observer: Observer): Promise<Work | null> {
  const lock = WorkLock.tryTake(core.lockPath)
  return lock === null ? null : begin(core, lock, log, observer)
}

async function begin(core: Core, lock: WorkLock, log: Log, observer: Observer): Promise<Work> {
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
      turned: (tookMs, results) => {
        observer.turned?.(tookMs, results)
        core.changes.tell()
      },
    },
  })
  core.changes.start(() => {
    void core.sources.refresh()
    engine.wake()
  })
  await engine.start()
  const stopPurging = purgeDaily(core, log)
  return {
    engine,
    stop: async (drainMs) => {
      stopPurging()
      await engine.stop(drainMs)
      await parser.close()
      lock.release()
    },
  }
}

/** Methods of a class do not come along with a spread. */
function forwarding(observer: Observer): Observer {
  return {
    claimed: (claim) => observer.claimed?.(claim),
    ended: (claim, result, isHeld) => observer.ended?.(claim, result, isHeld),
    checked: (sourceId, isWell) => observer.checked?.(sourceId, isWell),
  }
}

const dayMs = 86_400_000
/** Tombstones removed in one transaction. */
const purgedAtOnce = 500

/** Tombstones whose time has passed go once a day, a few at a time. */
function purgeDaily({ clock, tasks, library, policy }: Core, log: Log): () => void {
  let cancel: () => void = () => undefined
  const purge = async (): Promise<void> => {
    const items = await tasks.purge(purgedAtOnce)
    const tracks = library.purge(clock.now() - policy.tombstoneMs, purgedAtOnce)
    const isMore = items === purgedAtOnce || tracks === purgedAtOnce
    cancel = clock.after(isMore ? 1_000 : dayMs, run)
  }
  const run = (): void => {
    purge().catch((error: unknown) => log.error({ error }, 'removing old tombstones failed'))
  }
  cancel = clock.after(60_000, run)
  return () => cancel()
}
