import type { SqlValue } from '../sql.ts'

/** What a statement asks for, put together bit by bit; all of its values are numbered. */
export class Conditions {
  readonly #values: SqlValue[]
  readonly #conditions: string[] = []

  /** `values` stand in the statement already, as ?1 and so on. */
  constructor(values: readonly SqlValue[]) {
    this.#values = [...values]
  }

  /** The number of a value, as it stands in the text. */
  value(value: SqlValue): string {
    this.#values.push(value)
    return `?${this.#values.length}`
  }

  add(condition: string): void {
    this.#conditions.push(condition)
  }

  get text(): string {
    return this.#conditions.length === 0 ? 'true' : this.#conditions.join(' and ')
  }

  get values(): readonly SqlValue[] {
    return this.#values
  }
}
