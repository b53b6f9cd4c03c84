import type { Entity } from '../entity.ts'
import { entries, field, items, texts } from './json.ts'
import { noErrors, type Rule } from './rule.ts'
import type { RuleDates, RuleSettings } from './settings.ts'
import { isAsset, parseUrn } from './urn.ts'

/** How a person appears: what he wears, which emotes he has at hand, and once the images of it. */
export const profileRules: readonly Rule<Entity>[] = [
  noImagesErrors,
  imageHashErrors,
  wearableErrors,
  emoteErrors,
  repeatedErrors,
  imageFileErrors,
  noFilesErrors,
]

/** Whether a profile has to bring its images: since `from`, as long as they are not a matter of choice (ADR-290). */
export function needsImages(entity: Entity, dates: RuleDates, from: number): boolean {
  const { timestamp } = entity
  if (timestamp < from || timestamp >= dates.adr290Rejected) return false
  return timestamp < dates.adr290 || entity.content.length > 0 || avatarsOf(entity).some(hasImages)
}

/** The hashes of the faces that a profile shows. */
export function faceHashes(entity: Entity): readonly unknown[] {
  return avatarsOf(entity).map((avatar) => field(field(avatar, 'snapshots'), 'face256'))
}

function noImagesErrors(entity: Entity, { dates }: RuleSettings): readonly string[] {
  const isBad = entity.timestamp >= dates.adr290Rejected && avatarsOf(entity).some(hasImages)
  return isBad ? ['Avatars must not have snapshots.'] : noErrors
}

function imageHashErrors(entity: Entity, { dates }: RuleSettings): readonly string[] {
  if (!needsImages(entity, dates, dates.adr45)) return noErrors
  if (!faceHashes(entity).every(isNamed)) {
    return ["Couldn't find hash for face256 thumbnail file with name: 'face256'"]
  }
  const bodies = avatarsOf(entity).map((avatar) => field(field(avatar, 'snapshots'), 'body'))
  if (bodies.every(isNamed)) return noErrors
  return ["Couldn't find hash for face or body thumbnails on profile metadata"]
}

function wearableErrors(entity: Entity, { dates }: RuleSettings): readonly string[] {
  if (entity.timestamp < dates.adr75) return noErrors
  for (const avatar of avatarsOf(entity)) {
    for (const wearable of wearablesOf(avatar)) {
      const error = urnError('wearable', wearable, entity.timestamp >= dates.adr244)
      if (error !== null) return [error]
    }
  }
  return noErrors
}

function emoteErrors(entity: Entity, { dates }: RuleSettings): readonly string[] {
  if (entity.timestamp < dates.adr74) return noErrors
  for (const { slot, urn } of avatarsOf(entity).flatMap(emotesOf)) {
    const error = urnError('emote', urn, entity.timestamp >= dates.adr244)
    if (error !== null) return [error]
    if ((slot < 0 || slot > 9) && !isOldName(urn)) {
      return [`The slot ${slot} of the emote ${urn} must be a number between 0 and 9 (inclusive).`]
    }
  }
  const hasEmotes = avatarsOf(entity).some((avatar) => Array.isArray(field(avatar, 'emotes')))
  return hasEmotes ? noErrors : ['Profile must have emotes after ADR 74.']
}

/** A slot holds one emote, over all avatars; since ADR-232 a wearable is worn once. */
function repeatedErrors(entity: Entity, { dates }: RuleSettings): readonly string[] {
  const used = new Set<number>()
  for (const { slot } of avatarsOf(entity).flatMap(emotesOf)) {
    if (used.has(slot)) return [`Emote slot ${slot} should not be repeated.`]
    used.add(slot)
  }
  if (entity.timestamp < dates.adr232) return noErrors
  const isRepeated = avatarsOf(entity)
    .map(wearablesOf)
    .some((wearables) => new Set(wearables).size !== wearables.length)
  return isRepeated ? ['Wearables should not be repeated.'] : noErrors
}

function imageFileErrors(entity: Entity, { dates }: RuleSettings): readonly string[] {
  const errors: string[] = []
  if (needsImages(entity, dates, dates.adr45)) errors.push(...unexpectedFiles(entity))
  if (errors.length > 0 || !needsImages(entity, dates, dates.adr158)) return errors
  const files = new Set(entity.content.map(({ file }) => file.toLowerCase()))
  for (const file of ['body.png', 'face256.png']) {
    if (!files.has(file)) errors.push(`Profile entity is missing file '${file}'`)
  }
  return errors
}

/** Files that are none of the images that the avatars name. */
function unexpectedFiles(entity: Entity): readonly string[] {
  const images = new Set(
    avatarsOf(entity)
      .flatMap((avatar) => entries(field(avatar, 'snapshots')))
      .map(([name, hash]) => `${name}:${String(hash)}`),
  )
  return entity.content
    .filter(({ file, hash }) => !images.has(`${file.replace(/\.[^/.]+$/, '')}:${hash}`))
    .map(
      ({ file, hash }) =>
        `This file is not expected: '${file}' or its hash is invalid: '${hash}'. Please, include only valid snapshot files.`,
    )
}

function noFilesErrors({ timestamp, content }: Entity, { dates }: RuleSettings): readonly string[] {
  if (timestamp < dates.adr290Rejected || content.length === 0) return noErrors
  const files = content.map(({ file }) => file).join(', ')
  return [`Entity has content files when it should not: ${files}`]
}

/** Why this is no thing to wear or to do; null: it is one. */
function urnError(noun: 'wearable' | 'emote', text: string, needsToken: boolean): string | null {
  if (isOldName(text)) return null
  const urn = parseUrn(text)
  if (urn === null) {
    return `Each profile ${noun} pointer should be a urn, for example (urn:decentraland:{protocol}:collections-v2:{contract(0x[a-fA-F0-9]+)}:{name}). Invalid pointer: (${text})`
  }
  if (!needsToken || !isAsset(urn)) return null
  const capital = noun === 'wearable' ? 'Wearable' : 'Emote'
  return `${capital} pointer ${text} should be an item, not an asset. The URN must include the tokenId.`
}

/** The first emotes have a name and no URN. */
function isOldName(text: string): boolean {
  return /^[a-z]+$/i.test(text)
}

function avatarsOf(entity: Entity): readonly unknown[] {
  return items(field(entity.metadata, 'avatars')).map((avatar) => field(avatar, 'avatar'))
}

function hasImages(avatar: unknown): boolean {
  return Boolean(field(avatar, 'snapshots'))
}

function wearablesOf(avatar: unknown): readonly string[] {
  return texts(field(avatar, 'wearables'))
}

function emotesOf(avatar: unknown): readonly { readonly slot: number; readonly urn: string }[] {
  return items(field(avatar, 'emotes')).map((emote) => ({
    slot: Number(field(emote, 'slot')),
    urn: String(field(emote, 'urn')),
  }))
}

function isNamed(hash: unknown): boolean {
  return typeof hash === 'string' && hash !== ''
}
