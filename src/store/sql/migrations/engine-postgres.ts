/** What engine.ts says, in PostgreSQL, with what turns.ts has added since. Rows that change often leave room beside them. */
export const enginePostgres = `
create table owner (
  id bigint generated always as identity primary key,
  name text collate "C" not null unique,
  plan text collate "C" not null,
  weight integer not null
);

create table source (
  id bigint generated always as identity primary key,
  owner_id bigint not null references owner (id),
  name text collate "C" not null,
  kind text collate "C" not null,
  address text collate "C" not null,
  settings text collate "C" not null,
  secret bytea,
  interval_ms bigint not null,
  due_ms bigint not null,
  is_asked integer not null default 0,
  is_paused integer not null default 0,
  cursor text collate "C",
  health integer not null default 0,
  rest_until_ms bigint,
  trips integer not null default 0,
  failures integer not null default 0,
  recent bigint not null default 0,
  fence_floor bigint not null default 0,
  ok_ms bigint,
  progress_ms bigint,
  error_code text collate "C",
  error_message text collate "C",
  error_ms bigint,
  clean_round_id bigint,
  full_ms bigint,
  withheld bigint not null default 0,
  confirmed bigint not null default 0,
  seq bigint not null default 0,
  unique (owner_id, name)
);
create index source_due on source (due_ms) where is_paused = 0 and health = 0;
create index source_rest on source (rest_until_ms) where health = 1 and is_paused = 0;

create table round (
  id bigint generated always as identity primary key,
  source_id bigint not null references source (id) on delete cascade,
  is_full integer not null,
  is_asked integer not null,
  trusts_versions integer not null,
  is_clean integer not null default 1,
  phase text collate "C" not null,
  started_ms bigint not null,
  ended_ms bigint,
  outcome text collate "C",
  gone bigint not null default 0,
  steps bigint not null default 1,
  cursor text collate "C",
  spoiled_code text collate "C",
  spoiled_message text collate "C"
);
create unique index round_open on round (source_id) where ended_ms is null;
create index round_of on round (source_id, id);

create table place (
  id bigint generated always as identity primary key,
  source_id bigint not null references source (id) on delete cascade,
  step text collate "C" not null,
  parent_id bigint,
  version text collate "C",
  round_id bigint not null
);
create index place_step on place (source_id, substr(step, 1, 600));
create index place_parent on place (parent_id);

create table item (
  id bigint generated always as identity primary key,
  source_id bigint not null references source (id) on delete cascade,
  key text collate "C" not null,
  place_id bigint,
  path text collate "C" not null,
  size bigint not null,
  mtime_ms bigint,
  listed text collate "C" not null,
  applied text collate "C",
  stable_id text collate "C",
  seq bigint not null,
  state integer not null,
  round_id bigint not null,
  missing_round_id bigint,
  is_said_gone integer not null default 0,
  changed_ms bigint not null,
  error_code text collate "C",
  error_message text collate "C"
);
create index item_key on item (source_id, substr(key, 1, 600));
create index item_open on item (source_id, state, seq);
create index item_place on item (place_id) where place_id is not null;
create index item_missing on item (source_id, id) where missing_round_id is not null;
create index item_stable on item (source_id, stable_id) where stable_id is not null;
create index item_gone on item (changed_ms) where state = 5;

create table lane (
  id bigint generated always as identity primary key,
  pool text collate "C" not null,
  class integer not null,
  owner_id bigint not null references owner (id),
  vt bigint not null,
  floor bigint not null default 0,
  is_active integer not null,
  unique (pool, class, owner_id)
);
create index lane_owner on lane (owner_id);
create index lane_ring on lane (pool, class, vt, id) where is_active = 1;

create table queue (
  id bigint generated always as identity primary key,
  lane_id bigint not null references lane (id),
  source_id bigint not null references source (id) on delete cascade,
  is_active integer not null,
  served bigint not null default 0,
  "window" integer not null,
  streak integer not null default 0,
  cost_ms float8 not null,
  unique (lane_id, source_id)
);
create index queue_active on queue (lane_id) where is_active = 1;
create index queue_of on queue (source_id);

create table task (
  id bigint generated always as identity primary key,
  queue_id bigint not null references queue (id) on delete cascade,
  source_id bigint not null,
  kind text collate "C" not null,
  state integer not null,
  round_id bigint,
  item_id bigint,
  step text collate "C",
  version text collate "C",
  parent_place_id bigint,
  run_at_ms bigint,
  fence bigint,
  attempts integer not null default 0,
  crashes integer not null default 0,
  failed_ms bigint,
  error_code text collate "C",
  error_message text collate "C"
);
create index task_ready on task (queue_id, id) where state = 0;
create index task_delayed on task (run_at_ms) where state = 2;
create index task_round on task (round_id) where round_id is not null;
create index task_parked on task (source_id) where state = 3;
create unique index task_item on task (item_id) where item_id is not null;
create index task_source on task (source_id);

create table setting (
  name text collate "C" primary key,
  value bytea not null
);

create table node (
  id bigint generated always as identity primary key,
  name text collate "C" not null,
  started_ms bigint not null,
  seen_ms bigint not null
);

create table slot (
  node_id bigint not null,
  pool text collate "C" not null,
  n integer not null,
  fence bigint,
  task_id bigint,
  item_id bigint,
  seq bigint,
  queue_id bigint,
  started_ms bigint,
  until_ms bigint,
  tag bigint,
  charged bigint,
  primary key (node_id, pool, n)
) with (fillfactor = 20);

create table stirred (
  source_id bigint primary key
);

create table clockwork (
  pool text collate "C" not null,
  class integer not null,
  v bigint not null,
  primary key (pool, class)
);

create table counter (
  name text collate "C" primary key,
  value bigint not null
);
insert into counter (name, value) values ('fence', 0),
  ('list turn', 0), ('read turn', 0), ('cpu turn', 0), ('peer turn', 0);

alter table lane set (fillfactor = 70);
alter table queue set (fillfactor = 70);
alter table counter set (fillfactor = 10);
alter table clockwork set (fillfactor = 10);
alter table lane set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table queue set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table slot set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table task set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table item set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table source set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table counter set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table clockwork set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
`
