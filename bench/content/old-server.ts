/** `GET /deployments`, which no node of ours has any more: all of history, oldest first, 500 a page, out of a node's own store. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'
import { openDatabaseFile } from '../../src/app/database-file.ts'
import type { Change } from '../../src/content/content-store.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import type { Page } from './old-way.ts'

/** What the network's servers give on a page at most. */
const pageRows = 500

/** Reads beside the node whose folder it is. Gives the port. */
export async function startOldServer(folder: string): Promise<number> {
  const { sql } = await openDatabaseFile(folder, systemClock)
  const store = new SqlContentStore({ db: sql })
  const server = createServer((request, response) => void answer(store, request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // It listens on a port, and not on a pipe.
  return (server.address() as AddressInfo).port
}

async function answer(
  store: SqlContentStore,
  { url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const query = new URL(url, 'http://old').searchParams
  const lastId = query.get('lastId')
  const { rows: changes } = await store.changes({
    types: [],
    from: Number(query.get('from') ?? 0),
    ...(lastId === null ? {} : { lastId }),
    sortBy: 'local',
    order: 'asc',
    offset: 0,
    limit: pageRows,
  })
  const last = changes.at(-1)
  const hasMore = last !== undefined && changes.length === pageRows
  const pagination = hasMore ? { next: `?from=${last.localMs}&lastId=${last.entityId}` } : {}
  const page: Page = { deployments: changes.map(told), pagination }
  response.end(JSON.stringify(page))
}

/** As the old servers told of it, but for its content: these have none. */
function told(change: Change): Page['deployments'][number] {
  const { entityId, type, timestamp, deployer, version, pointers, metadata, localMs } = change
  return {
    entityType: type,
    entityId,
    entityVersion: version,
    entityTimestamp: timestamp,
    deployedBy: deployer,
    pointers,
    content: [],
    metadata: metadata === null ? null : JSON.parse(metadata),
    localTimestamp: localMs,
  }
}
