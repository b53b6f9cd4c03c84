import type { Migration } from './migration.ts'

/** A lane is written in every turn that serves it, and PostgreSQL then writes all of its indexes: one less. */
export const lanes: Migration = {
  sqlite: '',
  postgres: `
alter table lane drop constraint lane_pool_class_owner_id_key;
drop index lane_owner;
create unique index lane_of on lane (owner_id, pool, class);
`,
}
