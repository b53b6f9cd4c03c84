// The engine inside of another program: counts the bytes of every file, and keeps the sums in a table of its own.
import {
  Database,
  defaultPolicy,
  Engine,
  migrate,
  silentLog,
  SqliteRegistry,
  SqliteTaskStore,
  systemClock,
  systemRandom,
  Vault,
} from 'roundelay'
import { TinyDrive } from './tiny-drive.mjs'

const db = new Database(':memory:')
migrate(db)
db.exec('create table sums (item integer primary key, bytes integer)')

/** @type {import('roundelay').EffectWriter} */
const effects = {
  applied: ({ rowId }, effect) => {
    const { bytes } = /** @type {{ bytes: number }} */ (effect)
    db.prepare('insert or replace into sums values (?, ?)').run(rowId, bytes)
  },
  skipped: ({ rowId }) => void db.prepare('delete from sums where item = ?').run(rowId),
  gone: ({ rowId }) => void db.prepare('delete from sums where item = ?').run(rowId),
  sourceRemoved: () => undefined,
}
/** @type {import('roundelay').Handler} */
const handler = {
  wants: () => true,
  read: async (item, _known, source, signal) => {
    let bytes = 0
    const { body } = await source.open(item, null, signal)
    for await (const chunk of body) bytes += chunk.length
    return { bytes }
  },
}

const drive = new TinyDrive()
for (let n = 0; n < 10; n++) drive.write(`${n}.bin`, new Uint8Array(n))

const clock = systemClock
const policy = { ...defaultPolicy, slots: { list: 1, read: 2 } }
const parts = { db, clock, effects }
const secrets = new Vault({ keys: [new Uint8Array(32)] })
const registry = new SqliteRegistry({ ...parts, secrets, onChange: () => engine.wake() })
const engine = new Engine({
  store: new SqliteTaskStore({ ...parts, policy, random: systemRandom }),
  handler,
  sourceOf: async () => drive,
  policy,
  clock,
  log: silentLog,
  observer: {},
})
await engine.start()
const owner = await registry.addOwner('anna', 'free')
const { id } = await registry.addSource({
  ownerId: owner.id,
  name: 'tiny',
  kind: 'tiny',
  address: 'tiny:',
  settings: {},
  intervalMs: 60_000,
  password: null,
})
while (await registry.isBusy(id)) await clock.sleep(10)
console.log(
  JSON.stringify(db.prepare('select count(*) as files, sum(bytes) as bytes from sums').get()),
)
await engine.stop(0)
db.close()
