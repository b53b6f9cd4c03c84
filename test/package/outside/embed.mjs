// The engine inside of another program: counts the bytes of every file, and keeps the sums in a table of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  defaultPolicy,
  Engine,
  openDatabaseFile,
  silentLog,
  SqlRegistry,
  SqlTaskStore,
  systemClock,
  systemRandom,
  Vault,
} from 'roundelay'
import { TinyDrive } from './tiny-drive.mjs'

const clock = systemClock
const folder = mkdtempSync(join(tmpdir(), 'embedded-'))
const database = await openDatabaseFile(folder, clock)
const db = database.sql
await db.run('create table sums (item integer primary key, bytes integer)')

/** @type {import('roundelay').EffectWriter<import('roundelay').Transaction>} */
const effects = {
  applied: async (tx, readings) => {
    for (const { item, effect } of readings) {
      const { bytes } = /** @type {{ bytes: number }} */ (effect)
      await tx.run('insert or replace into sums values (?, ?)', item.rowId, bytes)
    }
  },
  skipped: async (tx, { rowId }) => void (await tx.run('delete from sums where item = ?', rowId)),
  gone: async (tx, { rowId }) => void (await tx.run('delete from sums where item = ?', rowId)),
  sourceRemoved: async () => 0,
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

const policy = { ...defaultPolicy, slots: { list: 1, read: 2 } }
const parts = { db, effects }
const secrets = new Vault({ keys: [new Uint8Array(32)] })
const registry = new SqlRegistry({ ...parts, secrets, onChange: () => engine.wake() })
const engine = new Engine({
  store: new SqlTaskStore({ ...parts, policy, random: systemRandom, nodeName: 'embedded' }),
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
console.log(JSON.stringify(await db.get('select count(*) as files, sum(bytes) as bytes from sums')))
await engine.stop(0)
await database.close()
rmSync(folder, { recursive: true })
