import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { faultsIn } from '../contract/bench.ts'
import type { Rewrite } from './faulty-database.ts'
import { World } from './world.ts'

/** Before which statement of its life the n-th process is killed. */
export type Deaths = (life: number) => number

export interface Outcome {
  readonly shown: readonly Record<string, string>[]
  readonly writes: readonly number[]
  /** Laws that the rows broke after a death. */
  readonly broken: readonly string[]
  readonly lives: number
  readonly statements: number
}

/**
 * A tree and a feed are listed and read, change, and are followed; the process is killed on the way as `deaths` says,
 * and another one goes on with the same file.
 */
export async function liveAndDie(
  folder: string,
  deaths: Deaths,
  rewrite: Rewrite | null = null,
): Promise<Outcome> {
  const policy = { slots: { list: 2, read: 3 }, withholdAbove: 2 }
  const world = new World({ path: join(folder, `${randomUUID()}.db`), policy, rewrite })
  const owner = await world.addOwner('anna', 'premium')
  const tree = await world.addDrive(owner, 9, { hasPlaceVersions: true, batchSize: 2 })
  const feed = await world.addDrive(owner, 8, { shape: 'feed', pageSize: 3 })
  const sources = [tree, feed]
  world.drive(tree).put('d1/bad', Buffer.from('bad'))
  await world.engine.start()
  let statements = 0
  const broken: string[] = []
  const survive = async (work: () => Promise<void>): Promise<void> => {
    for (;;) {
      try {
        await work()
        return
      } catch (error) {
        if (world.db.statements < world.db.killAt) throw error
        statements += world.db.statements
        await world.restart()
        broken.push(...faultsIn(world.db))
        world.db.killAt = deaths(world.lives)
      }
    }
  }
  world.db.statements = 0
  world.db.killAt = deaths(1)
  await survive(() => world.settle())
  for (const id of sources) {
    const drive = world.drive(id)
    drive.remove('d0/f0')
    drive.move('d1/f1', 'd6/moved')
    drive.put('d2/f2', Buffer.from('another text'))
    drive.put('d9/new', Buffer.from('new'))
  }
  for (let n = 0; n < 2; n++) {
    for (const id of sources) await survive(() => world.registry.ask(id, false))
    await survive(() => world.settle())
  }
  statements += world.db.statements
  world.db.killAt = Number.POSITIVE_INFINITY
  const outcome = {
    shown: await Promise.all(sources.map((id) => world.shown.of(id))),
    writes: await Promise.all(sources.map((id) => world.shown.writes(id))),
    broken,
    lives: world.lives,
    statements,
  }
  await world.stop()
  return outcome
}
