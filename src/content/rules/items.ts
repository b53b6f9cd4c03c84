import type { Entity } from '../entity.ts'
import { fieldAt, items, texts } from './json.ts'
import { noErrors, type Rule } from './rule.ts'

/** A wearable is made of files that it brings. */
export const wearableRules: readonly Rule<Entity>[] = [
  (entity) => representationErrors(entity, 'wearable', 'data'),
]

/** So is an emote (ADR-74). The start and the outcomes of social ones (ADR-287) are matters of the schema. */
export const emoteRules: readonly Rule<Entity>[] = [
  ({ timestamp }, { dates }) =>
    timestamp >= dates.adr74
      ? noErrors
      : [`The emote timestamp ${timestamp} is before ADR 74. Emotes did not exist before ADR 74.`],
  (entity) => representationErrors(entity, 'emote', 'emoteDataADR74'),
]

function representationErrors(entity: Entity, noun: string, dataField: string): readonly string[] {
  const representations = items(fieldAt(entity.metadata, dataField, 'representations'))
  if (representations.length === 0) return [`No ${noun} representations found`]
  if (entity.content.length === 0) return ['No content found']
  const files = new Set(entity.content.map(({ file }) => file))
  for (const representation of representations) {
    const missing = texts(fieldAt(representation, 'contents')).find((file) => !files.has(file))
    if (missing !== undefined) {
      return [`Representation content: '${missing}' is not one of the content files`]
    }
  }
  return noErrors
}
