import type { Item } from '../../engine/handler.ts'
import type { ListedItem } from '../../engine/source.ts'
import { dropTaskOf, nextId, type ItemRow, type SourceRow, type Turning } from './rows.ts'

export function toItem({ entry }: SourceRow, { rowId, listed }: ItemRow): Item {
  return { ...listed, rowId, sourceId: entry.id, ownerId: entry.ownerId }
}

/** An item whose effect of the same content is applied already: this one's own, or one with its stable id, version and size. */
export function knownTwin(source: SourceRow, item: ItemRow): ItemRow | null {
  const { version, id, size } = item.listed
  if (item.applied === version) return item
  if (id === undefined) return null
  for (const other of source.items.values()) {
    const isApplied = other.applied === version && other.listed.version === version
    const isKept = other.state === 'settled' || other.state === 'gone'
    const isTwin = other !== item && other.listed.id === id && other.listed.size === size
    if (isApplied && isKept && isTwin) return other
  }
  return null
}

export function isAnother(before: ListedItem, after: ListedItem): boolean {
  return before.version !== after.version || before.path.join('\0') !== after.path.join('\0')
}

export function newItem({ rows }: Turning, listed: ListedItem): ItemRow {
  return {
    rowId: nextId(rows),
    listed,
    applied: null,
    seq: nextId(rows),
    state: 'owed',
    place: null,
    seenRoundId: 0,
    missingRoundId: null,
    isSaidGone: false,
    error: null,
    goneMs: 0,
  }
}

/** The item is owed in this version, from the beginning: what happened to an older one counts no more. */
export function owe({ rows }: Turning, item: ItemRow, listed: ListedItem): void {
  if (item.state === 'parked') dropTaskOf(rows, item)
  if (item.state === 'tasked') {
    for (const task of rows.tasks) {
      if (task.item === item) Object.assign(task, { attempts: 0, crashes: 0 })
    }
  } else item.state = 'owed'
  item.listed = listed
  item.seq = nextId(rows)
  item.error = null
}
