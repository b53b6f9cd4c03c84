import { SyncError } from '../../base/errors.ts'
import { type ListedItem, maxDepth, maxKeyBytes, type NextStep } from '../../engine/source.ts'
import { canonicalSegment, shownName, shownPath } from '../segment.ts'
import { type DavResponse, gone, isSuccess } from './multistatus.ts'
import { formatVersion, normalEtag, parseDate } from './version.ts'

/** What a response in a listing turned out to be. */
export type Entry =
  | { readonly type: 'file'; readonly item: ListedItem }
  | { readonly type: 'folder'; readonly next: NextStep }

export interface FolderListingParts {
  readonly origin: string
  /** Canonical path of the folder on the server, with a slash at its end. */
  readonly path: string
  /** Key of the folder, empty for the root. */
  readonly key: string
  /** Whether the server gives its folders tags that change with anything below. */
  readonly hasPlaceVersions: boolean
}

/**
 * Makes sense of the responses to one folder's listing. Only what lies directly in the folder, on the same server,
 * under a name that can be a name is believed to exist; each of it once. What has no size was never a file.
 */
export class FolderListing {
  /** Two folders had the same tag, so a tag tells nothing about what is below. */
  hasTwinTags = false
  /** What the server says of the folder itself. */
  self: DavResponse | null = null
  /** The first child that is there, though the server could not say what it is. */
  failed: { readonly key: string; readonly status: number } | null = null

  readonly #parts: FolderListingParts
  readonly #shownPath: readonly string[]
  readonly #seen = new Set<string>()
  readonly #tags = new Set<string>()
  /** Whether hrefs that begin with this, up to their last slash, lie in the folder: nearly all have the same beginning. */
  #known = { beginning: '', isHere: false }

  constructor(parts: FolderListingParts) {
    this.#parts = parts
    this.#shownPath = shownPath(parts.key)
  }

  /** Null for what is no child, or none that can be told of. */
  read(response: DavResponse): Entry | null {
    const path = pathOf(response.href, this.#parts.origin)
    if (path === null) return null
    const slash = path.lastIndexOf('/', path.length - 2)
    const segment = canonicalSegment(path.slice(slash + 1).replace(/\/$/, ''))
    const isHere = segment !== null && this.#isHere(path.slice(0, slash + 1))
    if (isHere) return this.#child(segment, response)
    if (canonicalPath(path) !== this.#parts.path) return null
    this.self = response
    this.#folderTag(response)
    return null
  }

  #isHere(beginning: string): boolean {
    if (beginning !== this.#known.beginning) {
      this.#known = { beginning, isHere: canonicalPath(beginning) === this.#parts.path }
    }
    return this.#known.isHere
  }

  #child(segment: string, response: DavResponse): Entry | null {
    const key = this.#parts.key === '' ? segment : `${this.#parts.key}/${segment}`
    if (key.length > maxKeyBytes || this.#shownPath.length >= maxDepth) return null
    if (gone.has(response.status) || this.#seen.has(key)) return null
    this.#seen.add(key)
    if (!isSuccess(response.status)) {
      this.failed ??= { key, status: response.status }
      return null
    }
    if (response.isFolder) return { type: 'folder', next: this.#nextStep(key, response) }
    const item = fileItem(key, [...this.#shownPath, shownName(segment)], response)
    return item === null ? null : { type: 'file', item }
  }

  #nextStep(step: string, response: DavResponse): NextStep {
    const version = this.#folderTag(response)
    return version === undefined || !this.#parts.hasPlaceVersions || this.hasTwinTags
      ? { step }
      : { step, version }
  }

  /** A tag that vouches for everything below the folder: of Nextcloud and its kin, not of what is mounted there. */
  #folderTag({ properties }: DavResponse): string | undefined {
    const tag = normalEtag(properties.getetag)
    if (tag === undefined) return undefined
    if (this.#tags.has(tag)) this.hasTwinTags = true
    this.#tags.add(tag)
    const isTracked = fileIdOf(properties) !== undefined
    const isMounted = properties.permissions?.includes('M') === true
    return isTracked && !isMounted ? tag : undefined
  }
}

/** A file as a response tells of it; null when it is no file, or tells no size. */
export function fileItem(
  key: string,
  path: readonly string[],
  { isFolder, properties }: DavResponse,
): ListedItem | null {
  const size = Number(properties.getcontentlength?.trim() || Number.NaN)
  if (isFolder || !Number.isSafeInteger(size) || size < 0) return null
  const mtimeMs = parseDate(properties.getlastmodified)
  const version = formatVersion({ etag: normalEtag(properties.getetag), mtimeMs }, size)
  const id = fileIdOf(properties)
  return {
    key,
    path,
    size,
    version,
    ...(mtimeMs === undefined ? {} : { mtimeMs }),
    ...(id === undefined ? {} : { id }),
  }
}

/** The number by which Nextcloud and its kin know a file through all its moves. */
export function fileIdOf({ fileid, id }: DavResponse['properties']): string | undefined {
  const found = fileid?.trim() || id?.trim()
  return found === undefined || found === '' || found.length > maxIdLength ? undefined : found
}

/** The canonical form of a path on a server, with a slash at its end; null when it holds what is no name. */
export function canonicalPath(path: string): string | null {
  let canonical = '/'
  for (const raw of path.split('/')) {
    if (raw === '') continue
    const segment = canonicalSegment(raw)
    if (segment === null) return null
    canonical += `${segment}/`
  }
  return canonical
}

/** The path of an href on this origin, still encoded; null for another origin, and for what is no absolute path. */
function pathOf(href: string, origin: string): string | null {
  if (href.startsWith('/')) return href.startsWith('//') ? null : href
  const [, authority, path] = /^(https?:\/\/[^/?#]*)(\/.*)$/is.exec(href) ?? []
  if (authority === undefined || path === undefined) return null
  return URL.canParse(authority) && new URL(authority).origin === origin ? path : null
}

/** Characters. */
const maxIdLength = 256

/** The error for a listing that says nothing of the folder that was asked for. */
export function missingSelf(what: string): SyncError {
  return new SyncError('protocol', `${what} lists something else than what was asked for.`)
}
