import type { Migration } from './migration.ts'

/**
 * Slots belong to the process that fills them, and hold the item that is read in them: a read has a task of its own
 * only once it has failed. PostgreSQL began with that.
 *
 * node: processes that work on the database. item.state 2: owed, and with a task that has failed before.
 * setting: what holds for the database as a whole.
 * source.seq: the number of the item that came to be owed last.
 */
export const turns: Migration = {
  sqlite: `
create table setting (
  name text primary key,
  value blob not null
) strict, without rowid;

create table node (
  id integer primary key autoincrement,
  name text not null,
  started_ms integer not null,
  seen_ms integer not null
) strict;

drop table slot;
create table slot (
  node_id integer not null,
  pool text not null,
  n integer not null,
  fence integer,
  task_id integer,
  item_id integer,
  seq integer,
  queue_id integer,
  started_ms integer,
  until_ms integer,
  tag integer,
  charged integer,
  primary key (node_id, pool, n)
) strict, without rowid;
create index slot_queue on slot (queue_id) where queue_id is not null;

alter table source add column seq integer not null default 0;
update source set seq = coalesce((select max(seq) from item where item.source_id = source.id), 0);

update item set state = 1 where state = 2 and id in
  (select item_id from task where state in (0, 1) and attempts = 0 and crashes = 0 and failed_ms is null);
delete from task where kind = 'read'
  and state in (0, 1) and attempts = 0 and crashes = 0 and failed_ms is null;
update task set state = 0, fence = null where state = 1;
insert into stirred (source_id) select id from source where true on conflict do nothing;
insert into clockwork (pool, class, v) select distinct pool, class, 0 from lane where true
  on conflict do nothing;
delete from counter where name = 'seq';
drop index queue_pick;
create index queue_active on queue (lane_id) where is_active = 1;

drop index item_of;
drop index item_owed;
drop index item_state;
create index lane_owner on lane (owner_id);
create index item_open on item (source_id, state, seq);
`,
  postgres: '',
}
