import type { Entity } from '../entity.ts'
import { field, fieldAt } from './json.ts'
import { noErrors, type Rule } from './rule.ts'

/** Scenes of the city (ADR-173, ADR-236), not of worlds. */
export const sceneRules: readonly Rule<Entity>[] = [
  ({ timestamp, metadata }, { dates }) => {
    const isWorld = field(metadata, 'worldConfiguration') !== undefined
    return timestamp >= dates.adr173 && isWorld ? [noWorlds] : noErrors
  },
  // Where the metadata name no thumbnail, or have no `display` at all, there is none to look for.
  ({ timestamp, metadata, content }, { dates }) => {
    const thumbnail = fieldAt(metadata, 'display', 'navmapThumbnail')
    if (timestamp < dates.adr236 || typeof thumbnail !== 'string' || thumbnail === '')
      return noErrors
    if (content.some(({ file }) => file === thumbnail)) return noErrors
    return [`Scene thumbnail '${thumbnail}' must be a file included in the deployment.`]
  },
]

const noWorlds =
  'The scene.json contains a worldConfiguration section, which is not allowed for Genesis City scenes (see ADR-173: http://adr.decentraland.org/adr/ADR-173). Please remove it and try again.'
