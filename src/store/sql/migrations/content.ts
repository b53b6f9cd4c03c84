import type { Migration } from './migration.ts'

/**
 * What a content node knows. Times are milliseconds since 1970; pointers, auth chains and replaced snapshots are JSON.
 *
 * deployment.id grows with (local_ms, order_id); order_id is the entity's id in lower case.
 * deployment.marks: of how many of its pointers it is the greatest entity ever seen.
 * deployment.died_ms: the local time at which something greater took one of its pointers; null while it is active.
 * deployment.is_swept: it is dead, and its content was let go; its entity file goes with the row.
 * entity_file.id is the deployment's; the file is there whatever its size.
 * mark: the greatest entity ever seen at a pointer, dead or alive, stored or not any more. Never removed.
 * small_blob: content of at most 64 KiB; what is bigger lies in files.
 * snapshot: those that this node offers. The other three: those of its peers, and their parts that are left to do.
 * failed_deployment.source_id: the peer that offered it first; null: nobody in particular did.
 * peer_tally: how many deployments each source brought that were new.
 * lease: what only one process does at a time, by name, and until when it is his.
 * content_clock: the last local time and the last deployment.id that were given.
 */
export const contentTables: Migration = {
  sqlite: `
create table deployment (
  id integer primary key,
  entity_id text not null unique,
  order_id text not null,
  type text not null,
  entity_ms integer not null,
  local_ms integer not null,
  died_ms integer,
  is_active integer not null,
  is_complete integer not null,
  is_swept integer not null default 0,
  marks integer not null,
  metadata_start integer,
  metadata_end integer,
  overwritten_by text,
  version text not null,
  deployer text not null,
  pointers text not null,
  auth_chain text not null
) strict;
create index deployment_local on deployment (local_ms, id, type, marks);
create index deployment_time on deployment (is_active, entity_ms, order_id, local_ms, died_ms, type);
create index deployment_dead on deployment (died_ms, id) where is_active = 0 and is_swept = 0;
create index deployment_spent on deployment (died_ms, id)
  where is_active = 0 and is_swept = 1 and marks = 0;

create table entity_file (
  id integer primary key,
  bytes blob not null
) strict;

create table content_file (
  deployment_id integer not null,
  n integer not null,
  key text not null,
  hash text not null,
  primary key (deployment_id, n)
) strict, without rowid;
create index content_file_hash on content_file (hash);

create table mark (
  pointer text not null,
  type text not null,
  entity_id text not null,
  entity_ms integer not null,
  primary key (pointer, type)
) strict, without rowid;

create table small_blob (
  hash text primary key,
  size integer not null,
  stored_ms integer not null,
  bytes blob not null
) strict;

create table failed_deployment (
  entity_id text primary key,
  type text not null,
  entity_ms integer not null,
  failed_ms integer not null,
  next_ms integer not null,
  attempts integer not null,
  snapshot_hash text,
  pointers text not null,
  description text not null,
  auth_chain text not null,
  source_id integer
) strict;
create index failed_deployment_due on failed_deployment (next_ms, entity_id);
create index failed_deployment_order on failed_deployment (failed_ms, entity_id);

create table snapshot (
  init_ms integer not null,
  end_ms integer not null,
  hash text not null,
  replaced text not null,
  count integer not null,
  generated_ms integer not null,
  primary key (init_ms, end_ms)
) strict, without rowid;

create table processed_snapshot (
  hash text primary key,
  processed_ms integer not null
) strict, without rowid;
create table snapshot_work (
  hash text primary key,
  source_id integer,
  moved_ms integer not null,
  attempts integer not null,
  next_ms integer not null,
  reason text
) strict, without rowid;
create table snapshot_part (
  hash text not null,
  start integer not null,
  primary key (hash, start)
) strict, without rowid;

create table content_fact (
  name text primary key,
  value text not null
) strict, without rowid;

create table peer_tally (
  source_id integer primary key,
  taken integer not null
) strict;

create table lease (
  name text primary key,
  holder text not null,
  until_ms integer not null
) strict, without rowid;

create table content_clock (
  last_ms integer not null,
  last_id integer not null
) strict;
insert into content_clock (last_ms, last_id) values (0, 0);
`,
  postgres: `
create table deployment (
  id bigint primary key,
  entity_id text collate "C" not null unique,
  order_id text collate "C" not null,
  type text collate "C" not null,
  entity_ms bigint not null,
  local_ms bigint not null,
  died_ms bigint,
  is_active integer not null,
  is_complete integer not null,
  is_swept integer not null default 0,
  marks bigint not null,
  metadata_start integer,
  metadata_end integer,
  overwritten_by text collate "C",
  version text collate "C" not null,
  deployer text collate "C" not null,
  pointers text collate "C" not null,
  auth_chain text collate "C" not null
);
create index deployment_local on deployment (local_ms, id, type, marks);
create index deployment_time on deployment (is_active, entity_ms, order_id) include (local_ms, died_ms, type);
create index deployment_dead on deployment (died_ms, id) where is_active = 0 and is_swept = 0;
create index deployment_spent on deployment (died_ms, id)
  where is_active = 0 and is_swept = 1 and marks = 0;

create table entity_file (
  id bigint primary key,
  bytes bytea not null
);

create table content_file (
  deployment_id bigint not null,
  n bigint not null,
  key text collate "C" not null,
  hash text collate "C" not null,
  primary key (deployment_id, n)
);
create index content_file_hash on content_file (hash);

create table mark (
  pointer text collate "C" not null,
  type text collate "C" not null,
  entity_id text collate "C" not null,
  entity_ms bigint not null,
  primary key (pointer, type)
);

create table small_blob (
  hash text collate "C" primary key,
  size bigint not null,
  stored_ms bigint not null,
  bytes bytea not null
);

create table failed_deployment (
  entity_id text collate "C" primary key,
  type text collate "C" not null,
  entity_ms bigint not null,
  failed_ms bigint not null,
  next_ms bigint not null,
  attempts bigint not null,
  snapshot_hash text collate "C",
  pointers text collate "C" not null,
  description text collate "C" not null,
  auth_chain text collate "C" not null,
  source_id bigint
);
create index failed_deployment_due on failed_deployment (next_ms, entity_id);
create index failed_deployment_order on failed_deployment (failed_ms, entity_id);

create table snapshot (
  init_ms bigint not null,
  end_ms bigint not null,
  hash text collate "C" not null,
  replaced text collate "C" not null,
  count bigint not null,
  generated_ms bigint not null,
  primary key (init_ms, end_ms)
);

create table processed_snapshot (
  hash text collate "C" primary key,
  processed_ms bigint not null
);
create table snapshot_work (
  hash text collate "C" primary key,
  source_id bigint,
  moved_ms bigint not null,
  attempts bigint not null,
  next_ms bigint not null,
  reason text collate "C"
);
create table snapshot_part (
  hash text collate "C" not null,
  start bigint not null,
  primary key (hash, start)
);

create table content_fact (
  name text collate "C" primary key,
  value text collate "C" not null
);

create table peer_tally (
  source_id bigint primary key,
  taken bigint not null
);

create table lease (
  name text collate "C" primary key,
  holder text collate "C" not null,
  until_ms bigint not null
);

create table content_clock (
  last_ms bigint not null,
  last_id bigint not null
);
insert into content_clock (last_ms, last_id) values (0, 0);
`,
}
