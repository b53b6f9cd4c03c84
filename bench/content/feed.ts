/** Fills the data folder of a node that does not run, through the store of the product: entities of days long past. */
import { systemClock } from '../../src/base/clock.ts'
import { openDatabaseFile } from '../../src/app/database-file.ts'
import { maxEffect } from '../../src/content/content-store.ts'
import type { Deployment } from '../../src/content/entity.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'

/** In the order in which they come, a thousand a transaction. Gives how many there were. */
export async function feed(folder: string, deployments: Iterable<Deployment>): Promise<number> {
  const database = await openDatabaseFile(folder, systemClock)
  try {
    const store = new SqlContentStore({ db: database.sql })
    let count = 0
    for (const batch of batchesOf(deployments)) {
      await store.deploy({ deployments: batch, blobs: [], failures: [], parts: [] })
      count += batch.length
    }
    return count
  } finally {
    await database.close()
  }
}

function* batchesOf(deployments: Iterable<Deployment>): Generator<Deployment[]> {
  let batch: Deployment[] = []
  for (const deployment of deployments) {
    batch.push(deployment)
    if (batch.length < maxEffect) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
