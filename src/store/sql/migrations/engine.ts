import { enginePostgres } from './engine-postgres.ts'
import type { Migration } from './migration.ts'

/**
 * Owners, their sources, what the sources listed, and the work owed. Times are milliseconds since 1970.
 *
 * stirred: sources that a command changed; the next turn looks at their queues again.
 * item.state: 0 settled, 1 owed, 2 owed and a task exists, 3 skipped, 4 parked, 5 gone (a tombstone).
 * task.state: 0 ready, 1 leased, 2 delayed, 3 parked.
 * Keys and steps may be longer than an index of PostgreSQL takes: there it holds their beginning.
 * source.health: 0 well, 1 resting (its breaker is open), 2 stopped (needs a person).
 */
export const engineTables: Migration = {
  sqlite: `
create table owner (
  id integer primary key autoincrement,
  name text not null unique,
  plan text not null,
  weight integer not null
) strict;

create table source (
  id integer primary key autoincrement,
  owner_id integer not null references owner (id),
  name text not null,
  kind text not null,
  address text not null,
  settings text not null,
  secret blob,
  interval_ms integer not null,
  due_ms integer not null,
  is_asked integer not null default 0,
  is_paused integer not null default 0,
  cursor text,
  health integer not null default 0,
  rest_until_ms integer,
  trips integer not null default 0,
  failures integer not null default 0,
  recent integer not null default 0,
  fence_floor integer not null default 0,
  ok_ms integer,
  progress_ms integer,
  error_code text,
  error_message text,
  error_ms integer,
  clean_round_id integer,
  full_ms integer,
  withheld integer not null default 0,
  confirmed integer not null default 0,
  unique (owner_id, name)
) strict;
create index source_due on source (due_ms) where is_paused = 0 and health = 0;
create index source_rest on source (rest_until_ms) where health = 1 and is_paused = 0;

create table round (
  id integer primary key autoincrement,
  source_id integer not null references source (id) on delete cascade,
  is_full integer not null,
  is_asked integer not null,
  trusts_versions integer not null,
  is_clean integer not null default 1,
  phase text not null,
  started_ms integer not null,
  ended_ms integer,
  outcome text,
  gone integer not null default 0,
  steps integer not null default 1,
  cursor text,
  spoiled_code text,
  spoiled_message text
) strict;
create unique index round_open on round (source_id) where ended_ms is null;
create index round_of on round (source_id, id);

create table place (
  id integer primary key autoincrement,
  source_id integer not null references source (id) on delete cascade,
  step text not null,
  parent_id integer,
  version text,
  round_id integer not null,
  unique (source_id, step)
) strict;
create index place_parent on place (parent_id);

create table item (
  id integer primary key autoincrement,
  source_id integer not null references source (id) on delete cascade,
  key text not null,
  place_id integer,
  path text not null,
  size integer not null,
  mtime_ms integer,
  listed text not null,
  applied text,
  stable_id text,
  seq integer not null,
  state integer not null,
  round_id integer not null,
  missing_round_id integer,
  is_said_gone integer not null default 0,
  changed_ms integer not null,
  error_code text,
  error_message text,
  unique (source_id, key)
) strict;
create index item_owed on item (source_id, seq) where state = 1;
create index item_of on item (source_id);
create index item_state on item (source_id, state);
create index item_place on item (place_id) where place_id is not null;
create index item_missing on item (source_id, id) where missing_round_id is not null;
create index item_stable on item (source_id, stable_id) where stable_id is not null;
create index item_gone on item (changed_ms) where state = 5;

create table lane (
  id integer primary key,
  pool text not null,
  class integer not null,
  owner_id integer not null references owner (id),
  vt integer not null,
  floor integer not null default 0,
  is_active integer not null,
  unique (pool, class, owner_id)
) strict;
create index lane_ring on lane (pool, class, vt, id) where is_active = 1;

create table queue (
  id integer primary key autoincrement,
  lane_id integer not null references lane (id),
  source_id integer not null references source (id) on delete cascade,
  is_active integer not null,
  served integer not null default 0,
  window integer not null,
  streak integer not null default 0,
  cost_ms real not null,
  unique (lane_id, source_id)
) strict;
create index queue_pick on queue (lane_id, served, id) where is_active = 1;
create index queue_of on queue (source_id);

create table task (
  id integer primary key autoincrement,
  queue_id integer not null references queue (id) on delete cascade,
  source_id integer not null,
  kind text not null,
  state integer not null,
  round_id integer,
  item_id integer,
  seq integer,
  step text,
  version text,
  parent_place_id integer,
  run_at_ms integer,
  fence integer,
  attempts integer not null default 0,
  crashes integer not null default 0,
  failed_ms integer,
  error_code text,
  error_message text
) strict;
create index task_ready on task (queue_id, id) where state = 0;
create index task_delayed on task (run_at_ms) where state = 2;
create index task_round on task (round_id) where round_id is not null;
create index task_parked on task (source_id) where state = 3;
create unique index task_item on task (item_id) where item_id is not null;
create index task_source on task (source_id);

create table slot (
  pool text not null,
  n integer not null,
  task_id integer,
  queue_id integer,
  fence integer,
  started_ms integer,
  until_ms integer,
  tag integer,
  charged integer,
  primary key (pool, n)
) strict, without rowid;
create index slot_queue on slot (queue_id) where queue_id is not null;

create table stirred (
  source_id integer primary key
) strict;

create table clockwork (
  pool text not null,
  class integer not null,
  v integer not null,
  primary key (pool, class)
) strict, without rowid;

create table counter (
  name text primary key,
  value integer not null
) strict, without rowid;
insert into counter (name, value) values ('fence', 0), ('seq', 0),
  ('list turn', 0), ('read turn', 0), ('cpu turn', 0), ('peer turn', 0);
`,
  postgres: enginePostgres,
}
