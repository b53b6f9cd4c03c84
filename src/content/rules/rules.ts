import type { Entity, EntityType } from '../entity.ts'
import { hashForm } from '../hashing.ts'
import { accessErrors } from './access.ts'
import { emoteRules, wearableRules } from './items.ts'
import { schemaErrors } from './metadata-schemas.ts'
import { outfitsRules } from './outfits.ts'
import { profileRules } from './profile.ts'
import { bounded, firstErrors, noErrors, type Rule } from './rule.ts'
import { sceneRules } from './scene.ts'
import { ruleSettings, type RuleSettings } from './settings.ts'

/**
 * What an entity has to fulfil that can be told from its file and its signer alone (ADR-51), in the order of the
 * network's servers: structure, metadata, [signature, size], the rest. Each stops at the first rule that has errors.
 */
export interface Rules {
  readonly structureErrors: (entity: Entity) => readonly string[]
  readonly metadataErrors: (entity: Entity) => readonly string[]
  /** Of the type, then of whom its pointers belong to; `deployer` is the payload of the auth chain's first link. */
  readonly lateErrors: (entity: Entity, deployer: string) => readonly string[]
}

export function rules(settings: RuleSettings): Rules {
  return {
    structureErrors: (entity) => firstErrors(structureRules, entity, settings),
    metadataErrors: (entity) => firstErrors(metadataRules, entity, settings),
    lateErrors: (entity, deployer) => {
      const errors = firstErrors(lateRules[entity.type], entity, settings)
      return errors.length > 0 ? errors : bounded(accessErrors(entity, deployer, settings))
    },
  }
}

/** With the network's own dates. */
export const { structureErrors, metadataErrors, lateErrors } = rules(ruleSettings)

const structureRules: readonly Rule<Entity>[] = [
  ({ pointers }) => {
    if (new Set(pointers).size !== pointers.length) {
      return ['There are repeated pointers in your request.']
    }
    if (pointers.length > 0) return noErrors
    return ['The entity needs to be pointed by one or more pointers.']
  },
  // Before ADR-45 the network looked at no hash; ours become names of rows and files, so they have to be some form.
  ({ id, content, timestamp }, { dates }) =>
    [id, ...content.map(({ hash }) => hash)]
      .filter(
        (hash) => hashForm(hash) !== 1 && (timestamp >= dates.adr45 || hashForm(hash) === null),
      )
      .map((hash) => `This hash '${hash}' is not valid. It should be IPFS v2 format.`),
]

const metadataRules: readonly Rule<Entity>[] = [
  ({ type, metadata, timestamp }, { dates }) =>
    timestamp >= dates.adr45 ? schemaErrors(type, metadata) : noErrors,
  ({ version, timestamp }, { dates }) =>
    version === 'v3' || timestamp < dates.adr45
      ? noErrors
      : [
          'Upload failed: only entities v3 are allowed after ([ADR-45](http://adr.decentraland.org/adr/ADR-45)).',
        ],
]

const lateRules: Record<EntityType, readonly Rule<Entity>[]> = {
  scene: sceneRules,
  profile: profileRules,
  wearable: wearableRules,
  store: [],
  emote: emoteRules,
  outfits: outfitsRules,
}
