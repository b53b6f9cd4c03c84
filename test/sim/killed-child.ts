/**
 * One life of a real process: `killed-child.ts <database> <statement>` works on two drives that are the same in every
 * life until all is done, or until it kills itself before its n-th statement, as `kill -9` does.
 */
import { silentLog } from '../../src/base/log.ts'
import { systemClock as clock } from '../../src/base/clock.ts'
import { systemRandom as random } from '../../src/base/random.ts'
import { MemoryDrive } from '../../src/drives/memory/memory-drive.ts'
import { Engine } from '../../src/engine/engine.ts'
import { defaultPolicy } from '../../src/engine/policy.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { sqliteSchema } from '../../src/store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { plainSecrets } from '../contract/bench.ts'
import { FaultyDatabase } from './faulty-database.ts'
import { ShownFiles } from './shown-files.ts'
import { wholeFileHandler } from './world.ts'

const [, , path = '', killAt = 'never'] = process.argv
const files = 150

function driveOf(shape: 'tree' | 'feed'): MemoryDrive {
  const drive = new MemoryDrive({ clock, shape, batchSize: 20, pageSize: 40 })
  for (let n = 0; n < files; n++) drive.put(`d${n % 7}/f${n}`, Buffer.from(`text ${n}`))
  return drive
}

const drives = [driveOf('tree'), driveOf('feed')]
const db = new FaultyDatabase(path)
await migrate(sqliteSchema(db), migrations)
const sql = new SqliteSql(db, clock)
const effects = new ShownFiles(sql)
await effects.open()
const onChange = (): void => undefined
const registry = new SqlRegistry({ db: sql, secrets: plainSecrets, effects, onChange })
const anna = (await registry.owner('anna')) ?? (await registry.addOwner('anna', 'free'))
const sources = await registry.sources(anna.id)
for (const [n] of drives.entries()) {
  if (sources.some(({ name }) => name === `drive${n}`)) continue
  await registry.addSource({
    ownerId: anna.id,
    name: `drive${n}`,
    kind: 'memory',
    address: 'memory:',
    settings: {},
    intervalMs: 900_000,
    password: null,
  })
}
const ids = (await registry.sources(anna.id)).map(({ id }) => id)
const policy = { ...defaultPolicy, slots: { list: 2, read: 6 } }
const engine = new Engine({
  store: new SqlTaskStore({ db: sql, policy, random, effects, nodeName: 'killed' }),
  handler: wholeFileHandler,
  sourceOf: async (id) => drives[ids.indexOf(id)]!,
  policy,
  clock,
  log: silentLog,
  observer: {},
})
db.kill = () => process.kill(process.pid, 'SIGKILL')
if (killAt !== 'never') db.killAt = db.statements + Number(killAt)
await engine.start()
const isBusy = async (): Promise<boolean> => {
  for (const id of ids) if (await registry.isBusy(id)) return true
  return false
}
while (await isBusy()) await clock.sleep(5)
await engine.stop(0)
db.close()
