import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { SyncError } from '../base/errors.ts'
import type { Terminal } from './terminal.ts'

export interface PasswordFlags {
  readonly user?: string
  readonly passwordFile?: string
  readonly passwordStdin?: boolean
}

/** The flags by which a command takes credentials: never the password itself, which others could read in the list of processes. */
export function withPassword(command: Command): Command {
  return command
    .option('--user <name>', 'user name at the drive; the password is asked for')
    .option('--password-file <file>', 'read the password from the first line of a file')
    .option('--password-stdin', 'read the password from the standard input')
}

/** Whether the flags say where the password is. */
export function bringsPassword({ passwordFile, passwordStdin }: PasswordFlags): boolean {
  return passwordFile !== undefined || passwordStdin === true
}

/** The password that goes with the user; null where no user is named. Throws `bad-input` for a password without a user. */
export async function passwordOf(flags: PasswordFlags, terminal: Terminal): Promise<string | null> {
  if (flags.user === undefined) {
    if (!bringsPassword(flags)) return null
    throw new SyncError('bad-input', 'A password goes with a user name: give --user as well.')
  }
  if (flags.passwordFile !== undefined) return firstLine(readSecret(flags.passwordFile))
  if (flags.passwordStdin === true) return firstLine(terminal.readInput())
  return terminal.askSecret(`Password of ${flags.user}: `)
}

function firstLine(text: string): string {
  return text.replace(/\r?\n[\s\S]*$/, '')
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SyncError('bad-input', `The password file ${file} cannot be read.`, { cause })
  }
}
