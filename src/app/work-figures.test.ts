import { Registry as MetricsRegistry } from 'prom-client'
import { afterAll, expect, test } from 'vitest'
import { Bench, failed, sqliteSubject } from '../../test/contract/bench.ts'
import { emptyTables, openPostgres } from '../../test/contract/postgres-subject.ts'
import { freshDatabase } from '../../test/servers/postgres-database.ts'
import { systemClock } from '../base/clock.ts'
import { Database } from '../store/sqlite/database.ts'
import { SqliteSql } from '../store/sqlite/sqlite-sql.ts'
import { WorkFigures } from './work-figures.ts'

const file = new SqliteSql(new Database(':memory:'), systemClock)
const noFigures = { lanes: [], resting: 0, stopped: 0, parked: 0 }

async function told(metrics: MetricsRegistry): Promise<string[]> {
  const text = await metrics.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

const benches: Bench[] = []
afterAll(async () => {
  for (const bench of benches) await bench.close()
})

test('what waits, rests, and stands still is told without naming anybody', async () => {
  const bench = await Bench.open(sqliteSubject, { maxAttempts: 1, maxFailures: 1 })
  benches.push(bench)
  const metrics = new MetricsRegistry()
  const figures = new WorkFigures({
    operations: bench.operations,
    sql: file,
    clock: systemClock,
    metrics,
  })
  const [parked, resting] = [await bench.addSource('anna'), await bench.addSource('bob')]
  for (const source of [parked, resting]) await bench.fill(source, 2)
  for (const read of await bench.reads(2)) {
    await bench.write(failed(read, read.sourceId === parked ? 'internal' : 'unreachable'))
  }
  await figures.look()
  expect(await told(metrics)).toEqual([
    'sync_database_up 1',
    'sync_lanes_active{pool="read"} 1',
    'sync_sources_unwell{state="resting"} 1',
    'sync_sources_unwell{state="stopped"} 0',
    'sync_tasks_parked 1',
  ])
})

test('a database that fails, or does not answer in time, leaves its figures out', async () => {
  const metrics = new MetricsRegistry()
  let asked = 0
  let answer: () => Promise<typeof noFigures> = async () => {
    throw new Error('away')
  }
  const operations = {
    figures: () => {
      asked++
      return answer()
    },
  }
  // Its waits are over at once.
  const clock = {
    ...systemClock,
    after: (_ms: number, run: () => void) => systemClock.after(0, run),
  }
  const figures = new WorkFigures({ operations, sql: file, clock, metrics })
  await figures.look()
  expect(await told(metrics)).toEqual(['sync_database_up 0'])
  let wake = (): void => undefined
  answer = () =>
    new Promise((resolve) => {
      wake = () => resolve(noFigures)
    })
  await Promise.all([figures.look(), figures.look()])
  await figures.look()
  expect(await told(metrics)).toEqual(['sync_database_up 0'])
  // A question that is not answered yet is not asked once more.
  expect(asked).toBe(2)
  wake()
  answer = async () => noFigures
  await figures.look()
  expect(await told(metrics)).toContain('sync_tasks_parked 0')
})

test('a transaction that stays open on PostgreSQL is to be seen', async () => {
  const database = await freshDatabase(emptyTables)
  const [db, other] = [openPostgres(database.url), openPostgres(database.url)]
  try {
    const metrics = new MetricsRegistry()
    const operations = { figures: async () => noFigures }
    const figures = new WorkFigures({ operations, sql: db, clock: systemClock, metrics })
    await db.run(`insert into owner (name, plan, weight) values ('anna', 'free', 1)`)
    await other.transaction(async (tx) => {
      await tx.get('select 1 from owner')
      await tx.get('select pg_sleep(0.05)')
      await figures.look()
    })
    const lines = await told(metrics)
    const age = lines.find((line) => line.startsWith('sync_database_oldest')) ?? ''
    expect(Number(age.split(' ')[1])).toBeGreaterThanOrEqual(0.05)
    expect(lines.filter((line) => line.startsWith('sync_database_dead_rows'))).toHaveLength(8)
  } finally {
    await Promise.all([db.close(), other.close()])
    await database.drop()
  }
})
