/**
 * Looks into parsed JSON of which nothing is known: metadata from before ADR-45 have no schema, and may have any shape.
 */

/** What stands under a name; undefined where there is no such thing. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

/** What stands at the end of a path of names. */
export function fieldAt(value: unknown, ...names: readonly string[]): unknown {
  let found = value
  for (const name of names) found = field(found, name)
  return found
}

/** The items of a list; of what is none, nothing. */
export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The texts of a list. */
export function texts(value: unknown): readonly string[] {
  return items(value).filter((item) => typeof item === 'string')
}

/** The names and values of an object; of what is none, nothing. */
export function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}
