import type { Config, Given } from '../app/config.ts'
import type { Terminal } from './terminal.ts'

/** What every command gets. */
export interface Setting {
  /** Settings that all commands share, with these above what was given. Throws `bad-input`. */
  readonly config: (more?: Given) => Config
  readonly terminal: Terminal
  /** Whether the command that runs prints for a program. */
  readonly isJson: () => boolean
}
