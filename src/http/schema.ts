import { Type, type Static, type TSchema, type TUnsafe } from 'typebox'
import { assert } from '../base/errors.ts'

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

/** A parameter that may be left out and then is `preset`. */
export function preset<Schema extends TSchema>(
  schema: Schema,
  value: Static<Schema>,
): TUnsafe<Static<Schema>> {
  return Type.Unsafe<Static<Schema>>(Type.Optional({ ...schema, default: value }))
}

/** One of these texts. */
export function oneOf<const Choices extends readonly string[]>(
  ...choices: Choices
): TUnsafe<Choices[number]> {
  return Type.Unsafe<Choices[number]>({ type: 'string', enum: choices })
}

/** A schema with an `$id`, by its name: the document describes it once. The server has to know it. */
export function ref<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema>> {
  const id = '$id' in schema ? String(schema.$id) : ''
  assert(id !== '', 'only a schema with a name is referred to')
  return Type.Unsafe<Static<Schema>>({ $ref: `${id}#` })
}

/** Characters of the names of users and sources. */
const maxNameLength = 64
const name = { minLength: 1, maxLength: maxNameLength }

/** Whose. */
export const UserName = Type.String({
  ...name,
  description: 'Name of a user. May be left out where there is only one.',
})

/** Of a source, unique among its user's. */
export const SourceName = Type.String({ ...name, description: 'Name of a source.' })

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
