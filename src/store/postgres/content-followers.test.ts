import { afterAll, beforeAll, expect, it } from 'vitest'
import { emptyTables, openPostgres } from '../../../test/contract/postgres-subject.ts'
import { effectOf, made } from '../../../test/content/deployments.ts'
import { freshDatabase, type TestDatabase } from '../../../test/servers/postgres-database.ts'
import type { Deployment } from '../../content/entity.ts'
import { SqlContentStore } from '../sql/content/content-store.ts'
import type { PostgresSql } from './postgres-sql.ts'

let place: TestDatabase
const opened: PostgresSql[] = []
const open = (): SqlContentStore => {
  const db = openPostgres(place.url)
  opened.push(db)
  return new SqlContentStore({ db })
}
beforeAll(async () => {
  place = await freshDatabase(emptyTables)
})
afterAll(async () => {
  for (const db of opened) await db.close()
  await place.drop()
})

const writers = 4
const effects = 25

/** Some of one's own, some that all of them write, several of each pointer. */
function deploymentsOf(writer: number, effect: number): Deployment[] {
  return Array.from({ length: 1 + ((effect * 7 + writer) % 9) }, (_, n) => {
    const name = n % 4 === 0 ? `shared${effect}of${n}` : `by${writer}in${effect}of${n}`
    const timestamp = 1 + ((effect * 31 + n * 17 + (n % 4 === 0 ? 0 : writer)) % 100)
    return made(name, { pointers: [`p${n % 3}`, `q${effect % 5}`], timestamp })
  })
}

it('whoever follows misses nothing and sees nothing twice, while several processes deploy', async () => {
  let isOver = false
  const write = async (writer: number): Promise<void> => {
    const store = open()
    for (let effect = 0; effect < effects; effect++) {
      await store.deploy(effectOf({ deployments: deploymentsOf(writer, effect) }))
    }
  }
  const follower = open()
  const seen: string[] = []
  const follow = async (): Promise<void> => {
    let [from, lastId] = [0, '']
    for (;;) {
      const isLast = isOver
      const { rows: page } = await follower.changes({
        types: [],
        from,
        lastId,
        sortBy: 'local',
        order: 'asc',
        offset: 0,
        limit: 7,
      })
      seen.push(...page.map(({ entityId }) => entityId))
      const last = page.at(-1)
      if (last !== undefined) [from, lastId] = [last.localMs, last.entityId]
      else if (isLast) return
    }
  }
  const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  await Promise.all([
    writing.finally(() => {
      isOver = true
    }),
    follow(),
  ])
  const all = Array.from({ length: writers }, (_, writer) =>
    Array.from({ length: effects }, (_, effect) => deploymentsOf(writer, effect)),
  ).flat(2)
  const ids = new Set(all.map(({ entityId }) => entityId))
  expect(seen.length).toBe(new Set(seen).size)
  expect(seen.toSorted()).toEqual([...ids].toSorted())
})
