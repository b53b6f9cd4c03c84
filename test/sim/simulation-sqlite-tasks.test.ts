import { KeptInSqlite } from './kept-in-sqlite.ts'
import { liveAll } from './seeds.ts'

const keeping = new KeptInSqlite()

liveAll({
  store: 'SQLite',
  count: 1_000,
  charge: 'tasks',
  empty: () => {
    keeping.clear()
    return keeping
  },
})
