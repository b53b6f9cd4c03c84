/** A deployment on one node, until it is active on the other: from when it is sent. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SignedEntity } from '../../test/content/signer.ts'
import { Deployments, formOf } from './deploying.ts'
import { askJson, until } from './node.ts'

/** Milliseconds of each, one after the other, with pauses of no measure between them. */
export async function propagations(
  { from, to }: { readonly from: string; readonly to: string },
  entities: readonly SignedEntity[],
): Promise<readonly number[]> {
  await using deployments = new Deployments(from, 1)
  const found: number[] = []
  for (const [at, entity] of entities.entries()) {
    await sleep(pauseMs(at))
    const form = await formOf(entity)
    const start = performance.now()
    await deployments.one(form)
    const ids = [entity.entityId]
    const isActive = async (): Promise<boolean> =>
      ((await askJson(to, '/entities/active', { ids })) as unknown[]).length === 1
    await until('Being told of a deployment', isActive, { everyMs: 2, longestMs: 60_000 })
    found.push(performance.now() - start)
  }
  return found
}

/** From nothing to a quarter of a second, the same in each run. */
function pauseMs(at: number): number {
  return (at * 97) % 251
}
