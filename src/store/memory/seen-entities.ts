import { compareEntities } from '../../content/entity.ts'
import type { SeenEntity } from './content-rows.ts'

/** Who was ever seen, dead or alive, by type and pointer. */
export class SeenEntities {
  readonly #seen: SeenEntity[]
  readonly #at = new Map<string, SeenEntity[]>()

  constructor(seen: SeenEntity[]) {
    this.#seen = seen
    for (const entity of seen) this.#note(entity)
  }

  add(entity: SeenEntity): void {
    this.#seen.push(entity)
    this.#note(entity)
  }

  /** All that overlap it, greater or less, itself among them if it was seen. */
  overlapping(entity: SeenEntity): SeenEntity[] {
    return entity.pointers.flatMap((pointer) => this.#at.get(`${entity.type}|${pointer}`) ?? [])
  }

  /** The definition: an entity is dead if a greater one of its type was ever seen at one of its pointers. */
  isDead(entity: SeenEntity): boolean {
    return this.overlapping(entity).some((other) => compareEntities(other, entity) > 0)
  }

  /** The greatest ever seen at each of its pointers; where there is none, undefined. */
  marks(entity: SeenEntity): (SeenEntity | undefined)[] {
    return entity.pointers.map((pointer) =>
      (this.#at.get(`${entity.type}|${pointer}`) ?? []).toSorted(compareEntities).at(-1),
    )
  }

  #note(entity: SeenEntity): void {
    for (const pointer of entity.pointers) {
      const place = `${entity.type}|${pointer}`
      this.#at.set(place, [...(this.#at.get(place) ?? []), entity])
    }
  }
}
