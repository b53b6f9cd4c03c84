import type { Config } from '../app/config.ts'
import type { Terminal } from './terminal.ts'

/** What every command gets. */
export interface Setting {
  /** Settings that all commands share. Throws `bad-input`. */
  readonly config: () => Config
  readonly terminal: Terminal
  /** Whether the command that runs prints for a program. */
  readonly isJson: () => boolean
}
