import { entityTypes, isEntityType, type ContentFile, type Entity } from '../entity.ts'
import { field } from './json.ts'
import { jsonExtent } from './json-bounds.ts'
import { bounded } from './rule.ts'

/** An entity, or why its file is none; the file is told apart from nonsense here, the rules look at the rest. */
export type EntityReading = { readonly entity: Entity } | { readonly errors: readonly string[] }

/**
 * Reads an entity file (ADR-51). It may hold any bytes; nothing is thrown. As on the network's servers, what is no
 * UTF-8 becomes U+FFFD and a byte order mark is left out; the id is of the bytes, so that this confuses nobody.
 */
export function readEntity(entityId: string, file: Uint8Array): EntityReading {
  const problem = extentProblem(file)
  if (problem !== null) return { errors: [problem] }
  let value: unknown
  try {
    value = entityJson(file)
  } catch {
    return { errors: [notJson] }
  }
  const entity = entityOf(entityId, value)
  return typeof entity === 'string' ? { errors: bounded([entity]) } : { entity }
}

/** What an entity file says, as JSON; throws where it is none. */
export function entityJson(file: Uint8Array): unknown {
  return JSON.parse(decoder.decode(file))
}

/** What is wrong with an entity file of so many bytes. */
export function tooBigErrors(bytes: number): readonly string[] {
  if (bytes <= maxEntityBytes) return []
  return [`The entity file is too big. It may have up to ${maxEntityBytes} bytes and has ${bytes}.`]
}

function extentProblem(file: Uint8Array): string | null {
  const [tooBig] = tooBigErrors(file.length)
  if (tooBig !== undefined) return tooBig
  const { depth, values } = jsonExtent(file)
  if (depth > maxDepth) return `The entity file is nested more than ${maxDepth} levels deep.`
  if (values > maxValues) return `The entity file holds more than ${maxValues} values.`
  return null
}

/** The entity, or what is wrong with it. */
function entityOf(id: string, value: unknown): Entity | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return notJson
  const type = field(value, 'type')
  if (!isEntityType(type)) {
    return `Please set a valid type. It must be one of ${entityTypes.join(',')}. We got '${shown(type)}'`
  }
  const pointers = pointersOf(field(value, 'pointers'))
  if (pointers === null) return 'Please set valid pointers'
  const timestamp = field(value, 'timestamp')
  if (!isTimestamp(timestamp)) return `Please set a valid timestamp. We got ${shown(timestamp)}`
  const version = field(value, 'version') ?? 'v3'
  if (!isText(version)) return `Please set a valid version. We got ${shown(version)}`
  const content = contentOf(field(value, 'content'))
  if (typeof content === 'string') return content
  const metadata = field(value, 'metadata')
  const entity: Entity = { id, version, type, pointers, timestamp, content }
  return metadata === undefined ? entity : { ...entity, metadata }
}

function pointersOf(value: unknown): readonly string[] | null {
  if (!Array.isArray(value) || value.length > maxPointers) return null
  const isGood = value.every((pointer) => isText(pointer) && pointer.length <= maxPointerLength)
  return isGood && value.join('').length <= maxPointersLength
    ? value.map((pointer: string) => pointer.toLowerCase())
    : null
}

/** The files, or what is wrong with one of them. */
function contentOf(value: unknown): readonly ContentFile[] | string {
  // Whatever is falsy: so the network's servers have it.
  if (!value) return []
  if (!Array.isArray(value)) return 'Expected an array as content'
  const files: ContentFile[] = []
  for (const item of value) {
    const [file, hash] = [field(item, 'file'), field(item, 'hash')]
    if (isMissing(file) || isMissing(hash))
      return 'Content must contain a file name and a file hash'
    if (!isText(file) || !isText(hash)) {
      return 'Please make sure that all file names and a file hashes are valid strings'
    }
    files.push({ file, hash })
  }
  return files
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

/** Text that every database can keep: no NUL, no half of a pair. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !unstorable.test(value)
}

/** Milliseconds since 1970 that a Date can tell; 0 is none. */
function isTimestamp(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= maxTimestamp
}

/** What came instead, as it reads. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined ? 'undefined' : JSON.stringify(value)
}

const decoder = new TextDecoder()
const notJson = 'Failed to parse the entity file. Please make sure that it is a valid json.'
// oxlint-disable-next-line no-control-regex -- NUL is what is looked for
const unstorable = /[\u0000\p{Surrogate}]/u

/** Far more than the longest list of a scene's files takes. */
export const maxEntityBytes = 10_485_760
/** Metadata of the network's schemas are nested a dozen levels deep. */
export const maxDepth = 64
/** Each file of the content takes three; each value that does not fit its schema makes several errors, to be held at once. */
export const maxValues = 100_000
export const maxPointers = 10_000
/** Characters; an index of a database takes no more than 2,700 bytes. */
export const maxPointerLength = 512
/** Characters of all pointers of an entity; a hundred rows of them, or a thousand, are read at once. */
export const maxPointersLength = 100_000
const maxTimestamp = 8_640_000_000_000_000
