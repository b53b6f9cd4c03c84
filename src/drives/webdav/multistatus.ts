import { SaxesParser, type SaxesTagNS } from 'saxes'
import { SyncError } from '../../base/errors.ts'

/** One `<response>` of a multistatus, as the server wrote it: the properties of its successful propstats. */
export interface DavResponse {
  readonly href: string
  /**
   * Of the resource: its own where the server gives one (it may list a child only to say that it failed), 200 where it
   * tells what the resource is, else that of the properties it failed at; 0 for one that is no status of HTTP.
   */
  readonly status: number
  readonly isFolder: boolean
  readonly properties: Readonly<Partial<Record<Property, string>>>
}

/** Names of leaf properties that are read, without namespace: those of WebDAV and of ownCloud do not collide. */
export type Property =
  | 'getcontentlength'
  | 'getetag'
  | 'getlastmodified'
  | 'fileid'
  | 'id'
  | 'permissions'

/**
 * Reads a multistatus document (RFC 4918 §13) piece by piece. The document is hostile until proven otherwise: no
 * DOCTYPE, no deep nesting, no long texts, no end before `</multistatus>`. Throws `protocol` and `too-big`.
 */
export class MultistatusReader {
  readonly #parser = new SaxesParser({ xmlns: true, position: false })
  readonly #decoder = new TextDecoder()
  #responses: DavResponse[] = []
  #depth = 0
  #isClosed = false
  /** Bytes since the parser last saw the beginning or end of an element. */
  #pending = 0
  #text: string | null = null
  #draft = emptyDraft()
  #propstat = emptyPropstat()

  constructor() {
    this.#parser.on('opentag', (tag) => this.#open(tag))
    this.#parser.on('closetag', (tag) => this.#close(tag))
    this.#parser.on('text', (text) => this.#append(text))
    this.#parser.on('cdata', (text) => this.#append(text))
    this.#parser.on('doctype', () => {
      throw new SyncError('protocol', 'The listing has a DOCTYPE, which is refused.')
    })
  }

  /** Takes a piece of the document in; gives the responses that it completed. */
  write(chunk: Uint8Array): readonly DavResponse[] {
    this.#pending += chunk.length
    parse(() => this.#parser.write(this.#decoder.decode(chunk, { stream: true })))
    if (this.#pending > maxTextLength) throw tooLong()
    const responses = this.#responses
    this.#responses = []
    return responses
  }

  /** To be called at the end of the document: throws unless it was whole. */
  end(): void {
    parse(() => this.#parser.close())
    if (!this.#isClosed) throw new SyncError('protocol', 'The listing ended before its end.')
  }

  #open(tag: SaxesTagNS): void {
    this.#pending = 0
    this.#depth++
    if (this.#depth > maxDepth) {
      throw new SyncError('too-big', `The listing is nested deeper than ${maxDepth} elements.`)
    }
    const { local } = tag
    if (this.#depth === 1 && !is(tag, 'multistatus')) {
      throw new SyncError('protocol', `The listing is a <${local}>, not a multistatus.`)
    }
    if (this.#depth === 2) this.#draft = emptyDraft()
    else if (this.#depth === 3) this.#propstat = emptyPropstat()
    else if (this.#depth === 6 && is(tag, 'collection')) this.#propstat.isFolder = true
    const isWanted = wantedAtDepth[this.#depth]?.has(local) === true && namespaces.has(tag.uri)
    this.#text = isWanted ? '' : null
  }

  #close(tag: SaxesTagNS): void {
    this.#pending = 0
    this.#keep(tag)
    this.#text = null
    this.#depth--
    if (this.#depth === 2 && is(tag, 'propstat')) this.#endPropstat()
    else if (this.#depth === 1 && is(tag, 'response')) this.#responses.push(completed(this.#draft))
    else if (this.#depth === 0) this.#isClosed = true
  }

  #keep({ local }: SaxesTagNS): void {
    const text = this.#text
    if (text === null) return
    if (this.#depth === 3 && local === 'href') this.#draft.href = text.trim()
    else if (this.#depth === 3) this.#draft.status = statusOf(text)
    else if (this.#depth === 4) this.#propstat.status = statusOf(text)
    else this.#propstat.properties[local as Property] = text
  }

  #endPropstat(): void {
    const { status, isFolder, properties } = this.#propstat
    if (isSuccess(status ?? 200)) {
      this.#draft.isFolder ||= isFolder
      Object.assign(this.#draft.properties, properties)
    } else if (!gone.has(status ?? 0)) this.#draft.propertyStatus ??= status
  }

  #append(text: string): void {
    if (this.#text === null) return
    this.#text += text
    if (this.#text.length > maxTextLength) throw tooLong()
  }
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

/** The statuses that say: there is no such thing. */
export const gone: ReadonlySet<number> = new Set([404, 410])

/** Elements above and including the innermost; what servers send needs 6. */
const maxDepth = 32
/** Characters of one text; the same in bytes that may pass without an element beginning or ending. */
const maxTextLength = 16_384

const namespaces: ReadonlySet<string> = new Set(['DAV:', 'http://owncloud.org/ns'])

/** multistatus > response > href, status, propstat > status, prop > the properties. */
const wantedAtDepth: Readonly<Record<number, ReadonlySet<string>>> = {
  3: new Set(['href', 'status']),
  4: new Set(['status']),
  5: new Set<Property>([
    'getcontentlength',
    'getetag',
    'getlastmodified',
    'fileid',
    'id',
    'permissions',
  ]),
}

interface Propstat {
  /** Null as long as none was given. */
  status: number | null
  isFolder: boolean
  readonly properties: Partial<Record<Property, string>>
}

interface Draft extends Propstat {
  href: string
  /** Of the first properties that the server has and could not give; a 404 says that there is no such property. */
  propertyStatus: number | null
}

function emptyPropstat(): Propstat {
  return { status: null, isFolder: false, properties: {} }
}

function emptyDraft(): Draft {
  return { href: '', propertyStatus: null, ...emptyPropstat() }
}

function completed({ href, status, propertyStatus, isFolder, properties }: Draft): DavResponse {
  const isKnown = isFolder || properties.getcontentlength !== undefined
  const ofProperties = isKnown ? 200 : (propertyStatus ?? 200)
  return { href, status: status ?? ofProperties, isFolder, properties }
}

function is(tag: SaxesTagNS, local: string): boolean {
  return tag.local === local && tag.uri === 'DAV:'
}

/** Of `HTTP/1.1 200 OK`. */
function statusOf(statusLine: string): number {
  return Number(/^\s*HTTP\/\S+\s+(\d{3})\b/i.exec(statusLine)?.[1] ?? 0)
}

function tooLong(): SyncError {
  return new SyncError('too-big', `The listing has a text longer than ${maxTextLength} characters.`)
}

function parse(step: () => void): void {
  try {
    step()
  } catch (thrown) {
    if (thrown instanceof SyncError) throw thrown
    throw new SyncError('protocol', 'The listing is no well-formed XML.', { cause: thrown })
  }
}
