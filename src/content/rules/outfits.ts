import type { Entity } from '../entity.ts'
import { field, fieldAt, items, texts } from './json.ts'
import { noErrors, type Rule } from './rule.ts'
import { isAsset, parseUrn } from './urn.ts'

/** Ten slots, of which the last five go with a name (ADR-51, outfits). */
export const outfitsRules: readonly Rule<Entity>[] = [
  (entity) => {
    const slots = slotsOf(entity)
    return new Set(slots).size === slots.length ? noErrors : ['Outfits slots are repeated']
  },
  (entity) => {
    const isGood = slotsOf(entity).every((slot) => slot >= 0 && slot <= 9)
    return isGood ? noErrors : ['Outfits slots are invalid, they must be between 0 and 9 inclusive']
  },
  (entity) => {
    const isExtended = slotsOf(entity).some((slot) => slot > 4)
    const names = items(field(entity.metadata, 'namesForExtraSlots'))
    if (!isExtended || names.length > 0) return noErrors
    return ['A name must be provided if extra slots are used, but none were provided.']
  },
  (entity, { dates }) => (entity.timestamp >= dates.adr244 ? tokenErrors(entity) : noErrors),
]

/** Everything worn is named with its token (ADR-244). */
function tokenErrors(entity: Entity): readonly string[] {
  const worn = outfitsOf(entity).flatMap((outfit) => texts(fieldAt(outfit, 'outfit', 'wearables')))
  const urns = [...new Set(worn)].map((text) => ({ text, urn: parseUrn(text) }))
  const broken = urns.filter(({ urn }) => urn === null).map(({ text }) => text)
  if (broken.length > 0) return [`Invalid wearable pointer: (${broken.join(', ')})`]
  const assets = urns.filter(({ urn }) => isAsset(urn)).map(({ text }) => text)
  if (assets.length === 0) return noErrors
  return [
    `Wearable pointers ${assets.join(', ')} should be items, not assets. The URNs must include the tokenId.`,
  ]
}

function outfitsOf(entity: Entity): readonly unknown[] {
  return items(field(entity.metadata, 'outfits'))
}

function slotsOf(entity: Entity): readonly number[] {
  return outfitsOf(entity).map((outfit) => Number(field(outfit, 'slot')))
}
