import { type Connection, Query } from 'pg'
import { type Parameter, readerOf } from './values.ts'

/** A text with the name under which a connection keeps it prepared, and the values of its parameters. */
export interface Prepared {
  readonly name: string
  readonly text: string
  readonly values: readonly Parameter[]
}

/** What a statement gave. */
export interface Rows {
  readonly rows: readonly object[]
  /** How many rows were given or touched. */
  readonly rowCount: number
}

/** The columns of a statement, as its server described them: their names, and how their texts are read. */
type Shape = readonly Column[]

interface Column {
  readonly name: string
  readonly read: (text: string) => unknown
}

/** By the name of the statement; each connection has its own, since a name lives as long as the connection does. */
export type Shapes = Map<string, Shape>

/**
 * A statement on its way through the driver's queue: what the driver does for any query at each turn is done once here,
 * when a connection prepares it. Rows are described once, and values arrive as the server reads them
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY).
 */
export class PreparedQuery extends Query {
  readonly #parts: PreparedQueryParts
  readonly #rows: object[] = []
  #shape: Shape | undefined
  #rowCount = 0

  constructor(parts: PreparedQueryParts) {
    super('')
    // By it the driver notes that it has been parsed.
    Object.assign(this, { name: parts.statement.name, text: parts.statement.text })
    this.#parts = parts
    this.#shape = parts.shapes.get(parts.statement.name)
    this.submit = (connection) => this.#submit(connection as PreparingConnection)
  }

  #submit(connection: PreparingConnection): void {
    const { name, text, values } = this.#parts.statement
    connection.stream.cork()
    if (!(name in connection.parsedStatements) && !(name in connection.submittedNamedStatements)) {
      connection.parse({ name, text })
      connection.submittedNamedStatements[name] = text
    }
    connection.bind({ statement: name, values })
    if (this.#shape === undefined) connection.describe({ type: 'P' })
    connection.execute()
    connection.sync()
    connection.stream.uncork()
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.#shape = fields.map(({ name, dataTypeID }) => ({
      name,
      read: readerOf(dataTypeID),
    }))
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {}
    let n = 0
    for (const { name, read } of this.#shape ?? []) {
      const text = fields[n++] ?? null
      row[name] = text === null ? null : read(text)
    }
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rowCount = Number(/\d+$/.exec(text)?.[0] ?? 0)
  }

  handleReadyForQuery(): void {
    const { shapes, statement, resolve } = this.#parts
    shapes.set(statement.name, this.#shape ?? [])
    resolve({ rows: this.#rows, rowCount: this.#rowCount })
  }

  handleError(error: Error): void {
    this.#parts.reject(error)
  }
}

interface PreparedQueryParts {
  readonly statement: Prepared
  readonly shapes: Shapes
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: Error) => void
}

interface Field {
  readonly name: string
  readonly dataTypeID: number
}

/** What the driver's connection has beside what its types tell. */
type PreparingConnection = Omit<Connection, 'parse' | 'bind' | 'describe' | 'execute'> & {
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
  parse(statement: { readonly name: string; readonly text: string }): void
  bind(values: { readonly statement: string; readonly values: readonly Parameter[] }): void
  describe(what: { readonly type: 'P' }): void
  execute(): void
}
