import { contentTables } from './content.ts'
import { engineTables } from './engine.ts'
import { libraryTables } from './library.ts'
import { lanes } from './lanes.ts'
import type { Migration } from './migration.ts'
import { offers } from './offers.ts'
import { operation } from './operation.ts'
import { peers } from './peers.ts'
import { removal } from './removal.ts'
import { turns } from './turns.ts'

/** In order; a number is never used again, and what has been released is never changed. */
export const migrations: readonly Migration[] = [
  engineTables,
  libraryTables,
  turns,
  operation,
  lanes,
  removal,
  peers,
  contentTables,
  offers,
]
