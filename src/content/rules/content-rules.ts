import type { ContentFile, Entity, EntityType } from '../entity.ts'
import { field, fieldAt } from './json.ts'
import { pngHead } from './png.ts'
import { faceHashes, needsImages } from './profile.ts'
import { firstErrors, noErrors, type Rule } from './rule.ts'
import { ruleSettings, type RuleSettings } from './settings.ts'

/** Of an entity what its content is measured by; a `Deployment` is one. */
export interface ContentClaim {
  readonly entityId: string
  readonly type: EntityType
  readonly pointers: readonly string[]
  readonly timestamp: number
  readonly content: readonly ContentFile[]
}

/** What is known of the content. */
export interface ContentFacts {
  /** Bytes of the entity file. */
  readonly fileSize: number
  /** Bytes of all content that is there, uploaded now or stored before. */
  readonly sizes: ReadonlyMap<string, number>
  /** Hashes of what was uploaded now; the entity file may be among them. */
  readonly uploaded: ReadonlySet<string>
  /** The file that `thumbnailHash` names and its first bytes, 24 at least; null: not uploaded now. */
  readonly thumbnail: { readonly size: number; readonly head: Uint8Array } | null
  readonly metadata: unknown
  /** What `lateErrors` said: on the network's servers those rules stand between the size and the files. */
  readonly lateErrors?: readonly string[]
}

export type ContentRules = (claim: ContentClaim, facts: ContentFacts) => readonly string[]

/** What an entity's files have to fulfil (ADR-51); the errors of the first rule that has any. */
export function contentRules(settings: RuleSettings): ContentRules {
  return (claim, facts) => firstErrors(ruleList, { claim, facts }, settings)
}

/** With the network's own dates. */
export const contentErrors: ContentRules = contentRules(ruleSettings)

/**
 * The content that its type's rules want to see the first bytes of: the thumbnail of an item, the face of an old
 * profile; null: there is none.
 */
export function thumbnailHash(claim: ContentClaim, metadata: unknown): string | null {
  if (claim.type === 'profile') {
    const [face] = faceHashes(entityOf(claim, metadata))
    return typeof face === 'string' ? face : null
  }
  if (!isItem(claim)) return null
  const name = field(metadata, 'thumbnail')
  return claim.content.find(({ file }) => file === name)?.hash ?? null
}

/**
 * Bytes that all content of an entity may have at most, whatever else is said of it: of more, nobody needs to look at the
 * rest. Before the launch each pointer had what a file may have elsewhere.
 */
export function mostContentBytes({ type, pointers, timestamp }: ContentClaim): number {
  const megabytes = type === 'wearable' ? skinMegabytes : typeMegabytes[type]
  const isBounded = timestamp > ruleSettings.dates.launch
  return pointers.length * (isBounded ? megabytes : oldMegabytes) * megabyte
}

interface Subject {
  readonly claim: ContentClaim
  readonly facts: ContentFacts
}

const ruleList: readonly Rule<Subject>[] = [
  sizeErrors,
  itemThumbnailErrors,
  itemSizeErrors,
  faceErrors,
  ({ facts }) => facts.lateErrors ?? noErrors,
  missingErrors,
  strayErrors,
]

/**
 * Bytes a pointer. The entity file counts: elsewhere it does not, and metadata of any size are accepted. Before ADR-45
 * only what was uploaded did.
 */
function sizeErrors({ claim, facts }: Subject, { dates }: RuleSettings): readonly string[] {
  const { type, pointers, timestamp } = claim
  if (timestamp <= dates.launch) return noErrors
  const isOld = timestamp < dates.adr45
  const hashes = contentHashes(claim).filter((hash) => !isOld || facts.uploaded.has(hash))
  const missing = hashes.find((hash) => !facts.sizes.has(hash))
  if (missing !== undefined) return [`Couldn't fetch content file with hash: ${missing}`]
  const total = sizeOf(hashes, facts) + (isOld ? 0 : facts.fileSize)
  const megabytes = maxMegabytes(type, facts.metadata)
  const maxBytes = megabytes * megabyte
  if (total / pointers.length <= maxBytes) return noErrors
  return [
    `The deployment is too big. The maximum allowed size per pointer is ${megabytes} MB for ${type}. You can upload up to ${pointers.length * maxBytes} bytes but you tried to upload ${total}.`,
  ]
}

/** A wearable or an emote is shown by a PNG of at most 1,024 by 1,024 pixels. */
function itemThumbnailErrors(
  { claim, facts }: Subject,
  { dates }: RuleSettings,
): readonly string[] {
  if (!isItem(claim) || claim.timestamp < dates.adr45) return noErrors
  const name = String(field(facts.metadata, 'thumbnail'))
  if (thumbnailHash(claim, facts.metadata) === null) {
    return [`Couldn't find hash for thumbnail file with name: ${name}`]
  }
  return imageErrors(facts, name, ({ width, height }) =>
    width <= maxThumbnailPixels && height <= maxThumbnailPixels ? null : 'thumbnail',
  )
}

/** Its thumbnail takes a megabyte at most, and everything else the rest of what its type may take. */
function itemSizeErrors({ claim, facts }: Subject, { dates }: RuleSettings): readonly string[] {
  const hash = thumbnailHash(claim, facts.metadata)
  if (!isItem(claim) || claim.timestamp < dates.adr45 || hash === null) return noErrors
  const thumbnailBytes = facts.sizes.get(hash) ?? 0
  if (thumbnailBytes > thumbnailMegabytes * megabyte) {
    return [
      `The thumbnail is too big. The maximum allowed size for thumbnail model files is ${thumbnailMegabytes} MB. You can upload up to ${thumbnailMegabytes * megabyte} bytes but you tried to upload ${thumbnailBytes}.`,
    ]
  }
  const megabytes = maxMegabytes(claim.type, facts.metadata) - thumbnailMegabytes
  const bytes = sizeOf(contentHashes(claim), facts) - thumbnailBytes
  if (bytes <= megabytes * megabyte) return noErrors
  return [
    `The deployment is too big. The maximum allowed size for ${claim.type} model files is ${megabytes} MB. You can upload up to ${megabytes * megabyte} bytes but you tried to upload ${bytes}.`,
  ]
}

/** While profiles brought images, the face was 256 by 256 pixels. */
function faceErrors({ claim, facts }: Subject, { dates }: RuleSettings): readonly string[] {
  if (claim.type !== 'profile') return noErrors
  if (!needsImages(entityOf(claim, facts.metadata), dates, dates.adr45)) return noErrors
  return imageErrors(facts, "'face256'", ({ width, height }) =>
    width === facePixels && height === facePixels ? null : 'face256 thumbnail',
  )
}

/** What is wrong with the image that was uploaded; of one that was stored before, nothing. `fault` names a wrong size. */
function imageErrors(
  { thumbnail }: ContentFacts,
  name: string,
  fault: (size: { readonly width: number; readonly height: number }) => string | null,
): readonly string[] {
  if (thumbnail === null) return noErrors
  const head = pngHead(thumbnail.head)
  if (!head.isPng) return ["Invalid or unknown image format. Only 'PNG' format is accepted."]
  if (head.size === null) return ["Couldn't parse thumbnail, please check image format."]
  const { width, height } = head.size
  if (width === 0 || height === 0) return [`Couldn't validate thumbnail size for file ${name}`]
  const noun = fault(head.size)
  if (noun === null) return noErrors
  return [`Invalid ${noun} image size (width = ${width} / height = ${height})`]
}

function missingErrors({ claim, facts }: Subject): readonly string[] {
  return contentHashes(claim)
    .filter((hash) => !facts.uploaded.has(hash) && !facts.sizes.has(hash))
    .map(
      (hash) =>
        `This hash is referenced in the entity but was not uploaded or previously available: ${hash}`,
    )
}

function strayErrors({ claim, facts }: Subject): readonly string[] {
  const hashes = new Set([claim.entityId, ...contentHashes(claim)])
  return [...facts.uploaded]
    .filter((hash) => !hashes.has(hash))
    .map((hash) => `This hash was uploaded but is not referenced in the entity: ${hash}`)
}

function contentHashes({ content }: ContentClaim): readonly string[] {
  return [...new Set(content.map(({ hash }) => hash))]
}

function sizeOf(hashes: readonly string[], { sizes }: ContentFacts): number {
  return hashes.reduce((sum, hash) => sum + (sizes.get(hash) ?? 0), 0)
}

function isItem({ type }: ContentClaim): boolean {
  return type === 'wearable' || type === 'emote'
}

function maxMegabytes(type: EntityType, metadata: unknown): number {
  const isSkin = type === 'wearable' && fieldAt(metadata, 'data', 'category') === 'skin'
  return isSkin ? skinMegabytes : typeMegabytes[type]
}

function entityOf({ entityId, ...claim }: ContentClaim, metadata: unknown): Entity {
  return { ...claim, id: entityId, version: 'v3', metadata }
}

const megabyte = 1_048_576
/** A pointer. */
const typeMegabytes: Record<EntityType, number> = {
  scene: 15,
  profile: 2,
  wearable: 3,
  store: 1,
  emote: 3,
  outfits: 1,
}
const skinMegabytes = 9
/** No rule: a bound for what has none. */
const oldMegabytes = 100
const thumbnailMegabytes = 1
const maxThumbnailPixels = 1_024
const facePixels = 256
