import type { Migration } from './migration.ts'

/**
 * What failed is remembered for each peer that offered it: what one of them says does not touch what another one said.
 * What peers offer without end is bounded, and for that has an order.
 *
 * failed_deployment.source_id: the peer that offered it; 0: nobody in particular did.
 * failed_deployment.size: characters of what was offered.
 */
export const offers: Migration = {
  sqlite: `
create table failed_deployment_kept (
  entity_id text not null,
  source_id integer not null,
  type text not null,
  entity_ms integer not null,
  failed_ms integer not null,
  next_ms integer not null,
  attempts integer not null,
  size integer not null,
  snapshot_hash text,
  pointers text not null,
  description text not null,
  auth_chain text not null,
  primary key (entity_id, source_id)
) strict;
insert into failed_deployment_kept select entity_id, coalesce(source_id, 0), type, entity_ms, failed_ms,
  next_ms, attempts, length(pointers) + length(auth_chain), snapshot_hash, pointers, description,
  auth_chain from failed_deployment;
drop table failed_deployment;
alter table failed_deployment_kept rename to failed_deployment;
create index failed_deployment_due on failed_deployment (next_ms, entity_id, source_id);
create index failed_deployment_order on failed_deployment (failed_ms, entity_id);
create index failed_deployment_source on failed_deployment (source_id, size);

create index processed_snapshot_order on processed_snapshot (processed_ms, hash);
create index snapshot_work_order on snapshot_work (moved_ms, hash);
`,
  postgres: `
update failed_deployment set source_id = 0 where source_id is null;
alter table failed_deployment add column size bigint not null default 0;
update failed_deployment set size = length(pointers) + length(auth_chain);
alter table failed_deployment alter column size drop default;
alter table failed_deployment drop constraint failed_deployment_pkey;
alter table failed_deployment add primary key (entity_id, source_id);
drop index failed_deployment_due;
create index failed_deployment_due on failed_deployment (next_ms, entity_id, source_id);
create index failed_deployment_source on failed_deployment (source_id, size);

create index processed_snapshot_order on processed_snapshot (processed_ms, hash);
create index snapshot_work_order on snapshot_work (moved_ms, hash);
`,
}
