import { SyncError } from '../../base/errors.ts'
import type { DeploymentOffer } from '../entity.ts'
import { parseOffer } from '../offer.ts'
import type { Position } from './peer-client.ts'

/** A page of a peer's changes. */
export interface ChangePage {
  readonly offers: readonly DeploymentOffer[]
  /** Rows that made no sense. */
  readonly unreadable: number
  /** Behind its last row; null: it was empty. */
  readonly next: Position | null
  /** There may be more behind it. */
  readonly isFull: boolean
  /** What the peer's clock said; null: it does not tell. */
  readonly dateMs: number | null
}

interface Asked {
  readonly position: Position
  /** Rows that were asked for. */
  readonly limit: number
  readonly dateMs: number | null
}

/** Rows of one page: no more are ever asked for, and no more than twice as many taken. */
export const pageRows = 500

/**
 * The answer to `GET /pointer-changes` (ADR-103): `{ deltas: [{ entityId, entityType, pointers, entityTimestamp,
 * localTimestamp, authChain }] }`. Its `pagination.next` is not followed: servers of the network get it wrong. Throws
 * `protocol` when rows are not in the order that was asked for, or a full page tells nothing new: such a feed has no end.
 */
export function readChangePage(json: unknown, { position, limit, dateMs }: Asked): ChangePage {
  const rows = typeof json === 'object' && json !== null && 'deltas' in json ? json.deltas : null
  if (!Array.isArray(rows) || rows.length > 2 * pageRows) throw nonsense('makes no sense')
  const page = new Page(position)
  for (const row of rows as readonly unknown[]) page.read(row)
  const { offers, unreadable, next } = page
  const isWhole = rows.length >= limit
  if (isWhole && next === null) throw nonsense('tells only what has been told')
  // Rows that a server may not show are left out of a page that is not the last.
  return { offers, unreadable, next, isFull: isWhole || (saysMore(json) && next !== null), dateMs }
}

/**
 * The answer to `GET /freshest` of our own kind: the same, but that it says where to go on, which may be behind rows that
 * it left out.
 */
export function readFreshPage(json: unknown, asked: Asked): ChangePage {
  const page = readChangePage(json, asked)
  const next = toldNext(json)
  if (next === null || !isBehind(next, page.next ?? asked.position)) return page
  return { ...page, next, isFull: saysMore(json) }
}

function toldNext(json: unknown): Required<Position> | null {
  const { pagination } = json as { readonly pagination?: { readonly next?: unknown } }
  if (typeof pagination?.next !== 'string') return null
  const query = new URLSearchParams(pagination.next)
  const lastId = query.get('lastId')
  const from = Number(query.get('from') ?? Number.NaN)
  return lastId === null || !Number.isSafeInteger(from) ? null : { from, lastId }
}

function saysMore(json: unknown): boolean {
  const { pagination } = json as { readonly pagination?: { readonly moreData?: unknown } }
  return pagination?.moreData === true
}

/** Rows as they are read, one after the other. */
class Page {
  readonly offers: DeploymentOffer[] = []
  unreadable = 0
  next: Position | null = null
  readonly #from: Position
  #last: Position | null = null

  constructor(from: Position) {
    this.#from = from
  }

  read(row: unknown): void {
    const at = positionOf(row)
    if (at === null) {
      this.unreadable++
      return
    }
    if (this.#last !== null && !isBehind(at, this.#last)) throw nonsense('is in no order')
    this.#last = at
    // Some servers begin a page with rows that have been told.
    if (!isBehind(at, this.#from)) return
    this.next = at
    const offer = parseOffer(row)
    if (offer === null) this.unreadable++
    else this.offers.push(offer)
  }
}

function positionOf(row: unknown): Required<Position> | null {
  if (typeof row !== 'object' || row === null) return null
  const { localTimestamp: from, entityId: lastId } = row as Readonly<Record<string, unknown>>
  if (typeof from !== 'number' || !Number.isSafeInteger(from) || typeof lastId !== 'string')
    return null
  return { from, lastId }
}

/** By (local time, id in lower case); what was asked from without an id begins with its whole millisecond. */
function isBehind(at: Required<Position>, before: Position): boolean {
  if (at.from !== before.from) return at.from > before.from
  return before.lastId === undefined || at.lastId.toLowerCase() > before.lastId.toLowerCase()
}

function nonsense(why: string): SyncError {
  return new SyncError('protocol', `A page of changes ${why}.`)
}
