/** Fields of a log line. Never a credential, never an address with one inside. */
export type Fields = Readonly<Record<string, unknown>>

/** Where a running system says what it does: a fixed message, the particulars in fields. */
export interface Log {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
}

const nothing = (): void => undefined

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
