import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { plainSecrets } from '../../test/contract/bench.ts'
import { ShownFiles } from '../../test/sim/shown-files.ts'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { silentLog } from '../base/log.ts'
import { answeredFact, askedFact } from '../content/snapshots/snapshots.ts'
import { SqlRegistry } from '../store/sql/registry.ts'
import { migrate } from '../store/sql/migrate.ts'
import { migrations } from '../store/sql/migrations/migrations.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'
import { Database } from '../store/sqlite/database.ts'
import { sqliteSchema } from '../store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../store/sqlite/sqlite-sql.ts'
import { ContentNode } from './content-node.ts'
import { contentOptions, readContentConfig } from './content-options.ts'

/** Tells of each question before it is asked. */
function heard(db: SqlDatabase, onQuestion: (text: string) => void): SqlDatabase {
  return new Proxy(db, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name, target)
      if (typeof found !== 'function') return found
      return (...args: readonly unknown[]): unknown => {
        onQuestion(String(args[0]))
        return Reflect.apply(found, target, args)
      }
    },
  })
}

test('a node that is stopped calls off the snapshots that somebody has asked for', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'content-node-'))
  const file = new Database(':memory:')
  await migrate(sqliteSchema(file), migrations)
  const clock = new VirtualClock(Date.UTC(2026, 10, 1))
  const stopping: Promise<void>[] = []
  let isAsked = false
  const db = heard(new SqliteSql(file, clock), (text) => {
    if (isAsked && stopping.length === 0 && text.includes('from deployment')) {
      stopping.push(node.stop())
    }
  })
  const config = readContentConfig(
    (name) => (name === 'content' || name === 'firstNode' ? 'on' : contentOptions[name].preset),
    {},
  )
  if (config === null) throw new Error('it is a node')
  const effects = new ShownFiles(db)
  const registry = new SqlRegistry({
    db,
    secrets: plainSecrets,
    effects,
    onChange: () => undefined,
  })
  const parts = { db, registry, config, dataFolder, allowHosts: [], clock, log: silentLog }
  const node: ContentNode = new ContentNode(parts)
  await node.start()
  await node.startWork()
  await node.snapshots.writeNow()
  await node.store.setFact(askedFact, 'now')
  isAsked = true
  await clock.runUntil(() => stopping.length > 0, 10_000)
  expect(stopping).toHaveLength(1)
  await Promise.all(stopping)
  expect(await node.store.fact(answeredFact)).toBeNull()
  file.close()
  await rm(dataFolder, { recursive: true, force: true })
})
