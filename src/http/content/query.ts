import { entityTypes, type EntityType } from '../../content/entity.ts'

/**
 * What could stand in a store: nothing there has a NUL, and some databases refuse to look for one. It is asked for by
 * nobody but who tries.
 */
export function storable(texts: readonly string[]): readonly string[] {
  return texts.filter((text) => !text.includes('\0'))
}

/** A query string as the framework parses it: text, or a list where a name stands several times. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** The first value under a name; undefined where there is none, or an empty one. */
export function first(query: Query, name: string): string | undefined {
  const value = query[name]
  const text = typeof value === 'string' ? value : value?.[0]
  return text === '' ? undefined : text
}

export function all(query: Query, name: string): readonly string[] {
  const value = query[name]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** An integer, read as `parseInt` does; what is none, and 0, counts as not given. Beyond what is safe, the last that is. */
export function integer(query: Query, name: string): number | undefined {
  const value = Number.parseInt(first(query, name) ?? '', 10)
  if (Number.isNaN(value) || value === 0) return undefined
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
}

/** In whatever case, also in the plural, as the network's servers take it; null: there is no such type. */
export function entityTypeOf(text: string): EntityType | null {
  const name = text.trim().toLowerCase()
  return entityTypes.find((type) => name === type || name === `${type}s`) ?? null
}
