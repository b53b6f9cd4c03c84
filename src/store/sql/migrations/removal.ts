import type { Migration } from './migration.ts'

/**
 * A source that was removed is gone at once, and what it had goes a little at a time (removal.ts).
 *
 * source.removed_ms: since when it is gone; null as long as it is there.
 * task.queue_id: its queue may be gone already. SQLite makes the table anew for that; numbers go on where they were.
 */
export const removal: Migration = {
  sqlite: `
alter table source add column removed_ms integer;
create index source_removed on source (id) where removed_ms is not null;

create table task_kept (
  id integer primary key autoincrement,
  queue_id integer not null,
  source_id integer not null,
  kind text not null,
  state integer not null,
  round_id integer,
  item_id integer,
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
insert into task_kept select id, queue_id, source_id, kind, state, round_id, item_id, step, version,
  parent_place_id, run_at_ms, fence, attempts, crashes, failed_ms, error_code, error_message from task;
delete from sqlite_sequence where name = 'task_kept';
insert into sqlite_sequence (name, seq) select 'task_kept', seq from sqlite_sequence where name = 'task';
drop table task;
alter table task_kept rename to task;
create index task_ready on task (queue_id, id) where state = 0;
create index task_delayed on task (run_at_ms) where state = 2;
create index task_round on task (round_id) where round_id is not null;
create index task_parked on task (source_id) where state = 3;
create unique index task_item on task (item_id) where item_id is not null;
create index task_source on task (source_id);
`,
  postgres: `
alter table source add column removed_ms bigint;
create index source_removed on source (id) where removed_ms is not null;
alter table task drop constraint task_queue_id_fkey;
`,
}
