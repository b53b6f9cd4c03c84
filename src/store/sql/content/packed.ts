/**
 * Many rows of long texts as one text: to read them value by value takes either database several times as long. Between
 * columns and between rows stand control characters, which JSON does not hold unescaped.
 */
const columnEnd = '\u001F'
const rowEnd = '\u001E'

/** The statement, of the texts that stand in its place ?1 and ?2, for `columns` of the rows `from`. */
export function packedSql(columns: readonly string[], from: string): string {
  return `select string_agg(packed, ?2) as page
    from (select concat_ws(?1, ${columns.join(', ')}) as packed ${from}) as rows_of_page`
}

/** Its first two values. */
export const packing = [columnEnd, rowEnd] as const

/** What is no JSON, as a column: its control characters are gone. */
export function plainColumn(column: string): string {
  return `replace(replace(${column}, ?1, ''), ?2, '')`
}

/** The rows of a page, with the columns of each in their order; null stands for no rows. */
export function unpacked(page: string | null | undefined): string[][] {
  if (page === null || page === undefined || page === '') return []
  return page.split(rowEnd).map((row) => row.split(columnEnd))
}
