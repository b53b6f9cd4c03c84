import { Type, type Static, type TSchema, type TUnsafe } from 'typebox'

/** An array that is not to be changed: what ports give is answered as it is. */
export function list<Item extends TSchema>(
  item: Item,
  options: { readonly description?: string } = {},
): TUnsafe<readonly Static<Item>[]> {
  return Type.Unsafe<readonly Static<Item>[]>(Type.Array(item, options))
}

/** A value, or null where it is not known. */
export function nullable<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema> | null> {
  return Type.Unsafe<Static<Schema> | null>(Type.Union([schema, Type.Null()]))
}

/** Whose: may be left out when there is only one user. */
export const UserName = Type.String({
  pattern: '^[A-Za-z0-9._-]{1,64}$',
  description: 'Name of a user. May be left out where there is only one.',
})

/** Of a source, unique among its user's. */
export const SourceName = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Name of a source.',
})

/** Characters. A mark holds names and a path in the longest form that they may have. */
const maxMarkLength = 24_576
/** Where the page before ended. */
export const PageMark = Type.String({
  minLength: 1,
  maxLength: maxMarkLength,
  description: 'The `next` of the page before; left out for the first page.',
})

/** Row ids. */
export const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

export const TimeMs = Type.Integer({ description: 'Milliseconds since 1970.' })
