import { Emote, Outfits, Profile, Scene, Store, Wearable } from '@dcl/schemas'
import type { EntityType } from '../entity.ts'
import { hasManyMappings } from './mappings.ts'

/**
 * What keeps metadata from fitting the JSON schema of their type, in the words of ajv; nothing: they fit. The schemas
 * are compiled once a thread, when a type is first seen.
 */
export function schemaErrors(type: EntityType, metadata: unknown): readonly string[] {
  const { validate } = schemas[type]
  const text = `The metadata for this entity type (${type}) is not valid.`
  const isItem = type === 'wearable' || type === 'emote'
  if (isItem && hasManyMappings(metadata))
    return [text, 'There are more mappings than can be looked through.']
  try {
    if (validate(metadata)) return []
  } catch (error) {
    // Some keywords of the schemas take for granted what another keyword finds wanting.
    return [text, error instanceof Error ? error.message : String(error)]
  }
  return [text, ...(validate.errors ?? []).map(({ message }) => String(message))]
}

const schemas = {
  scene: Scene,
  profile: Profile,
  wearable: Wearable,
  store: Store,
  emote: Emote,
  outfits: Outfits,
}
