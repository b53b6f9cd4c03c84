import type { Core } from '../app/core.ts'
import type { Setting } from './setting.ts'

/** Says once which key a shared database was begun with: every other machine is refused until it has the same. */
export function sayFirstKey({ firstKeyFile }: Core, { terminal, isJson }: Setting): void {
  if (firstKeyFile === null || isJson()) return
  terminal.note(
    `The database is bound to the key in ${firstKeyFile} from now on: keep a copy, every other machine needs it (as its file "key", or as ROUNDELAY_KEY).`,
  )
}
