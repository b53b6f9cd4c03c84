import type { Migration } from './migration.ts'

const tables = `
alter table node add column is_paused integer not null default 0;
create index source_unwell on source (id) where health > 0;
`

/** What an operator sees and does: processes that he has paused, and sources with an open breaker. */
export const operation: Migration = { sqlite: tables, postgres: tables }
