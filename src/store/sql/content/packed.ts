import { assert } from '../../../base/errors.ts'

/**
 * Many rows of long texts as one text: to read them value by value takes either database several times as long. Between
 * them stands a control character, which JSON does not hold unescaped.
 */
const separator = '\u001F'

/** The value ?1 of the statement that `packedSql` gives. */
export const packing = [separator] as const

/** A statement that gives `columns` of the rows `from` as `page`; none of them may be null. */
export function packedSql(columns: readonly string[], from: string): string {
  return `select string_agg(packed, ?1) as page
    from (select concat_ws(?1, ${columns.join(', ')}) as packed ${from}) as rows_of_page`
}

/** A text that is no JSON, so that it can be packed: without control characters. */
export function packable(text: string): string {
  return text.replace(/\p{Cc}/gu, '')
}

/** The rows of a page: `read` finds the columns of each in `cells`, beginning with number `at`. */
export function unpacked<Row>(
  page: string | null | undefined,
  columns: number,
  read: (cells: readonly string[], at: number) => Row,
): Row[] {
  const cells = page === null || page === undefined ? [] : page.split(separator)
  assert(cells.length % columns === 0, 'a page has whole rows')
  const rows: Row[] = []
  for (let at = 0; at < cells.length; at += columns) rows.push(read(cells, at))
  return rows
}
