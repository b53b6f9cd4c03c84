import { type EachRow, postgresEach, postgresText, postgresTogether } from '../sql/dialect.ts'
import type { SqlValue, Write } from '../sql/sql.ts'
import type { Prepared } from './prepared-query.ts'
import { type Column, jsonParameter, parameter } from './values.ts'

interface Statement {
  readonly name: string
  readonly text: string
  /** Which of its values are JSON; the first one is 0. */
  readonly json: ReadonlySet<number>
}

/** A text with its values. */
interface Part {
  readonly text: string
  readonly values: readonly (SqlValue | Column)[]
}

/** Texts and the names under which each connection keeps them prepared: the same on all. */
export class Statements {
  readonly #known = new Map<string, Statement>()
  readonly #eaches = new Map<string, EachRow>()
  /** By the texts that they are made of. */
  readonly #together = new Map<string, string>()

  query(text: string, values: Part['values']): Prepared {
    const { json, name, text: translated } = this.#statement(text)
    const parameters = values.map((value, n) =>
      json.has(n) ? jsonParameter(value) : parameter(value),
    )
    return { name, text: translated, values: parameters }
  }

  /** For each of these rows. */
  each(text: string, rows: readonly object[], values: readonly SqlValue[]): Prepared {
    const part = this.#forEach(text, rows, values)
    return this.query(part.text, part.values)
  }

  /** Several that give nothing as one; null if none of them has anything to write. */
  together(writes: readonly Write[]): Prepared | null {
    const parts = writes.flatMap(({ text, values = [], rows }): Part[] => {
      if (rows === undefined) return [{ text, values }]
      return rows.length === 0 ? [] : [this.#forEach(text, rows, values)]
    })
    if (parts.length === 0) return null
    return this.query(
      this.#joined(parts),
      parts.flatMap((part) => part.values),
    )
  }

  #forEach(text: string, rows: readonly object[], values: readonly SqlValue[]): Part {
    let each = this.#eaches.get(text)
    if (each === undefined) {
      each = postgresEach(text, values.length)
      this.#eaches.set(text, each)
    }
    // Rows have the columns that the text names, of the types that it gives.
    const records = rows as readonly Readonly<Record<string, Column[number]>>[]
    const lists = each.columns.map((name) => records.map((row) => row[name] ?? null))
    return { text: each.text, values: [...values, ...lists] }
  }

  #joined(parts: readonly Part[]): string {
    const key = parts.map(({ text }) => text).join(';')
    let joined = this.#together.get(key)
    if (joined === undefined) {
      joined = postgresTogether(parts.map(({ text, values }) => ({ text, values: values.length })))
      this.#together.set(key, joined)
    }
    return joined
  }

  #statement(text: string): Statement {
    let statement = this.#known.get(text)
    if (statement === undefined) {
      if (this.#known.size >= maxStatements)
        throw new Error(`more than ${maxStatements} statements`)
      const translated = postgresText(text)
      const json = [...translated.matchAll(/json\w*\(\$(\d+)|\$(\d+)::json/g)]
      statement = {
        name: `s${this.#known.size}`,
        text: translated,
        json: new Set(json.map(([, called, cast]) => Number(called ?? cast) - 1)),
      }
      this.#known.set(text, statement)
    }
    return statement
  }
}

/** Texts are those that the code holds. So many, and somebody puts values into them: each connection keeps all of them. */
const maxStatements = 2_000
