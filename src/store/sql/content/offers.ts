import { compareEntities, type DeploymentOffer } from '../../../content/entity.ts'
import type { Sql } from '../sql.ts'
import { marksAt } from './marks.ts'
import type { Holder } from './overwriting.ts'
import { placeOf, pointerKey } from './pointer-key.ts'

/** Those whose every pointer has seen them, or something greater. */
export function pointlessOf(sql: Sql, offers: readonly DeploymentOffer[]): Promise<Set<string>> {
  return offersThat(sql, offers, (orders) => orders.every((order) => order <= 0))
}

/** Those that would be dead at once, and yet leave a mark. */
export function overtakenOf(sql: Sql, offers: readonly DeploymentOffer[]): Promise<Set<string>> {
  return offersThat(
    sql,
    offers,
    (orders) => orders.some((order) => order < 0) && orders.some((order) => order > 0),
  )
}

/** How an offer stands to the mark of each of its pointers: above 0 where it is greater, or the first. */
async function offersThat(
  sql: Sql,
  offers: readonly DeploymentOffer[],
  test: (orders: readonly number[]) => boolean,
): Promise<Set<string>> {
  const keys = offers.flatMap(({ pointers }) => pointers.map(pointerKey))
  const marks = await marksAt(sql, keys)
  const passed = offers.filter(({ entityId, entityTimestamp: timestamp, entityType, pointers }) => {
    const orders = pointers.map((pointer) =>
      orderOf({ entityId, timestamp }, marks.get(placeOf(entityType, pointerKey(pointer)))),
    )
    return orders.length > 0 && test(orders)
  })
  return new Set(passed.map(({ entityId }) => entityId))
}

function orderOf(entity: Holder, mark: Holder | undefined): number {
  return mark === undefined ? 1 : compareEntities(entity, mark)
}
