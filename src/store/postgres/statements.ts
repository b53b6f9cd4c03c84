import type { QueryConfig } from 'pg'
import { postgresText } from '../sql/dialect.ts'
import type { SqlValue } from '../sql/sql.ts'
import { storable, storableJson } from './values.ts'

interface Statement {
  readonly name: string
  readonly text: string
  /** Which of its values are JSON; the first one is 0. */
  readonly json: ReadonlySet<number>
}

/** Texts and the names under which each connection keeps them prepared: the same on all. */
export class Statements {
  readonly #known = new Map<string, Statement>()

  query(text: string, values: readonly SqlValue[]): QueryConfig {
    const { json, ...statement } = this.#statement(text)
    const storables = values.map((value, n) =>
      json.has(n) ? storableJson(value) : storable(value),
    )
    return { ...statement, values: storables }
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
