/**
 * A process with several claimers: `claimer-process.ts <database> <seed> <is changed>`. Each has its own slots, its own
 * connections and an unreliable store. The process ends when it is told to stop, or is killed.
 */
import { systemClock as clock } from '../../src/base/clock.ts'
import { silentLog, type Log } from '../../src/base/log.ts'
import { seededRandom, type Random } from '../../src/base/random.ts'
import { Engine } from '../../src/engine/engine.ts'
import { readAddress } from '../../src/store/postgres/address.ts'
import { Connector } from '../../src/store/postgres/connector.ts'
import { Notices } from '../../src/store/postgres/notices.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { openPostgres } from '../contract/postgres-subject.ts'
import { wholeFileHandler } from '../sim/world.ts'
import { CountedEffects } from './counted-effects.ts'
import { SlotWatch } from './slot-watch.ts'
import { changeDrives, stressDrives } from './stress-drives.ts'
import { claimersEach, stressPolicy as policy, type Order, type Report } from './stress-words.ts'
import { UnreliableStore } from './unreliable-store.ts'

const [, , url = '', seed = '1', isChanged = 'no'] = process.argv
const drives = stressDrives(clock)
if (isChanged === 'yes') changeDrives(drives)

const random = seededRandom(Number(seed))
const claimers = await Promise.all(
  Array.from({ length: claimersEach }, () => startClaimer(seededRandom(random() * 2 ** 32))),
)
const connector = new Connector({ address: readAddress(url), clock, random })
const notices = new Notices({ connector, clock, random })
notices.listen(() => {
  for (const { engine } of claimers) engine.wake()
})
report({ type: 'started' })

process.on('message', (order: Order) => {
  if (order === 'change') {
    changeDrives(drives)
    report({ type: 'changed' })
  } else void stop()
})
// Nobody is left who could tell it to stop.
process.on('disconnect', () => process.exit(1))

function report(what: Report): void {
  process.send?.(what)
}

async function stop(): Promise<void> {
  await notices.close()
  const counts = await Promise.all(claimers.map((claimer) => claimer.stop()))
  report({ type: 'stopped', counts })
  process.disconnect()
}

interface Claimer {
  readonly engine: Engine
  readonly stop: () => Promise<UnreliableStore['counts']>
}

async function startClaimer(random: Random): Promise<Claimer> {
  const db = openPostgres(url)
  const onFault = (text: string): void => report({ type: 'fault', text })
  const effects = new CountedEffects(db)
  const kept = new SqlTaskStore({ db, policy, random, effects, nodeName: `stress ${process.pid}` })
  const store = new UnreliableStore({ store: kept, clock, random, onFault })
  const log: Log = {
    ...silentLog,
    error: (fields, text) => onFault(`${text}: ${JSON.stringify(fields)}`),
  }
  // Sources are numbered as the drives are, from one.
  const sourceOf = async (id: number) => drives[id - 1]!
  const observer = new SlotWatch({ clock, slots: policy.slots, onFault })
  const engine = new Engine({
    store,
    handler: wholeFileHandler,
    sourceOf,
    policy,
    clock,
    log,
    observer,
  })
  await engine.start()
  return {
    engine,
    stop: async () => {
      await engine.stop(500)
      await db.close()
      return store.counts
    },
  }
}
