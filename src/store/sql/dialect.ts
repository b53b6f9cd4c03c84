/**
 * Statements are written as PostgreSQL reads them, but for their values: `?` as SQLite has it. What SQLite spells
 * differently is told here, and nowhere else.
 */
const inSqlite: readonly (readonly [RegExp, string | ((...parts: string[]) => string)])[] = [
  // There is one writer at a time: what is read in a transaction is locked.
  [/\s+for (?:no key )?update(?: of [\w, ]+?)?(?: skip locked)?(?=\s*(?:\)|$))/g, ''],
  [/\bjson_agg\(/g, 'json_group_array('],
  [/\bgreatest\(/g, 'max('],
  [/\bleast\(/g, 'min('],
  [/\bconvert_from\(([^']+), 'UTF8'\)/g, 'cast($1 as text)'],
  [
    /not \(([\w.]+) = any\(array\(\s*select ([\w.]+) from (\w+) where ([^()]*)\)\)\)/g,
    'not exists (select 1 from $3 where $4 and $2 = $1)',
  ],
  [/= any\((\?\d*)\)/g, 'in (select value from json_each($1))'],
  [
    /json_to_recordset\((\?\d*)\) as (\w+) \(([^)]*)\)/g,
    (_, value = '', name = '', columns = '') => `(${recordset(value, columns)}) as ${name}`,
  ],
]

const inPostgres: readonly (readonly [RegExp, string])[] = [
  [/ indexed by \w+/g, ''],
  [/\bcross join\b/g, 'join'],
  // A table behind a view of the same name.
  [/\bmain\.(?=\w)/g, ''],
]

export function sqliteText(text: string): string {
  let translated = text
  for (const [pattern, by] of inSqlite) {
    translated =
      typeof by === 'string' ? translated.replace(pattern, by) : translated.replace(pattern, by)
  }
  return translated
}

/** Values are numbered: `?` in their order, `?2` the second one again. */
export function postgresText(text: string): string {
  let count = 0
  let translated = text.replace(/\?(\d*)/g, (_, number: string) => `$${number || ++count}`)
  for (const [pattern, by] of inPostgres) translated = translated.replace(pattern, by)
  return translated
}

/**
 * A statement for each of several rows (`Sql.each`), as PostgreSQL does it: each of their columns is one of the last
 * values, a list. Of lists it expects a few rows, and finds them by their index; of JSON it would expect a hundred.
 */
export function postgresEach(text: string, values: number): EachRow {
  const columns: string[] = []
  const whole = text.replace(/\brows as r \(([^)]*)\)/, (_, list: string) => {
    columns.push(...namesOf(list))
    const types = list.split(',').map((column) => column.trim().split(/\s+/)[1] ?? '')
    const lists = types.map((type, at) => `?${values + 1 + at}::${type}[]`)
    return `unnest(${lists.join(', ')}) as r (${columns.join(', ')})`
  })
  return { text: whole, columns }
}

/** Several statements that give nothing as one, with the values of all in their order. `values`: how many each has. */
export function postgresTogether(
  parts: readonly { readonly text: string; readonly values: number }[],
): string {
  let before = 0
  const numbered = parts.map(({ text, values }, at) => {
    let count = 0
    const shifted = text.replace(
      /\?(\d*)/g,
      (_, number: string) => `?${before + (number === '' ? ++count : Number(number))}`,
    )
    before += values
    return `part${at} as (${shifted})`
  })
  return `with ${numbered.join(', ')} select 1`
}

/** The same for one row, as SQLite does it: its columns are the last values, in this order. */
export function sqliteEach(text: string, values: number): EachRow {
  const columns: string[] = []
  const alone = text.replace(/\s+from rows as r \(([^)]*)\)/, (_, list: string) => {
    columns.push(...namesOf(list))
    return ''
  })
  let count = 0
  const numbered = alone
    .replace(/\?(\d*)/g, (_, number: string) => `?${number || ++count}`)
    .replace(/\br\.(\w+)/g, (_, name: string) => `?${values + 1 + columns.indexOf(name)}`)
  return { text: sqliteText(numbered), columns }
}

export interface EachRow {
  readonly text: string
  readonly columns: readonly string[]
}

function namesOf(columns: string): string[] {
  return columns.split(',').map((column) => column.trim().split(/\s+/)[0] ?? '')
}

/** Rows as JSONB: each of their columns is found without reading the text anew, four times as fast. */
function recordset(value: string, columns: string): string {
  const picked = namesOf(columns).map((name) => `value ->> '${name}' as ${name}`)
  return `select ${picked.join(', ')} from jsonb_each(${value})`
}
