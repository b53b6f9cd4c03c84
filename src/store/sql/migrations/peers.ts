import type { Migration } from './migration.ts'

const tables = `
alter table owner add column is_peer integer not null default 0;
alter table source add column list_pool text not null default 'list';
`

/** Owners that are no users but peers, and in which pool the listing of a source takes its turns. */
export const peers: Migration = { sqlite: tables, postgres: tables }
