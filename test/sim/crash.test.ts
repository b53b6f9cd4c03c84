import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { faultsOf } from '../contract/bench.ts'
import { World } from './world.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundelay-crash-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Before which statement of its life the n-th process is killed. */
type Deaths = (life: number) => number

interface Outcome {
  readonly shown: readonly Record<string, string>[]
  readonly writes: readonly number[]
  readonly lives: number
  readonly statements: number
}

/**
 * A tree and a feed are listed and read, change, and are followed; the process is killed on the way as `deaths` says,
 * and another one goes on with the same file.
 */
async function live(deaths: Deaths): Promise<Outcome> {
  const policy = { slots: { list: 2, read: 3 }, readAhead: 4, withholdAbove: 2 }
  const world = new World({ path: join(folder, `world${Math.random()}.db`), policy })
  const owner = await world.addOwner('anna', 'premium')
  const tree = await world.addDrive(owner, 9, { hasPlaceVersions: true, batchSize: 2 })
  const feed = await world.addDrive(owner, 8, { shape: 'feed', pageSize: 3 })
  const sources = [tree, feed]
  world.drive(tree).put('d1/bad', Buffer.from('bad'))
  await world.engine.start()
  let statements = 0
  const survive = async (work: () => Promise<void>): Promise<void> => {
    for (;;) {
      try {
        await work()
        return
      } catch (error) {
        if (world.db.statements < world.db.killAt) throw error
        statements += world.db.statements
        await world.restart()
        expect(faultsOf(world.db)).toEqual([])
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
    shown: sources.map((id) => world.shown.of(id)),
    writes: sources.map((id) => world.shown.writes(id)),
    lives: world.lives,
    statements,
  }
  await world.stop()
  return outcome
}

/** `KILLS=100000` tries every statement. */
const kills = Number(process.env['KILLS'] ?? 60)

const never: Deaths = () => Number.POSITIVE_INFINITY

it('W6 killed between any two statements, once: the outcome is that of a run without', async () => {
  const whole = await live(never)
  expect(Object.keys(whole.shown[0] ?? {})).toHaveLength(9)
  const stride = Math.ceil(whole.statements / kills)
  for (let at = 1; at < whole.statements; at += stride) {
    const killed = await live((life) => (life === 1 ? at : Number.POSITIVE_INFINITY))
    expect({ at, shown: killed.shown, writes: killed.writes }).toEqual({
      at,
      shown: whole.shown,
      writes: whole.writes,
    })
  }
}, 120_000)

it('W6 killed again and again, at any moment', async () => {
  const whole = await live(never)
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed)
    const killed = await live(() => 60 + Math.floor(random() * 400))
    expect(killed.lives).toBeGreaterThan(3)
    expect({ seed, shown: killed.shown, writes: killed.writes }).toEqual({
      seed,
      shown: whole.shown,
      writes: whole.writes,
    })
  }
}, 120_000)
