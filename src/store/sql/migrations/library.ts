import type { Migration } from './migration.ts'

/**
 * Owners' music. Nothing that the tracks tell is stored a second time: how an artist or an album is spelled, its
 * years and sums are asked of the tracks, by an index each, so they are the same in whatever order files arrive.
 * Times are milliseconds since 1970; item_id is the engine's item.
 *
 * track.state: 0 shown, 1 hidden (its present version is no good), 2 gone (a tombstone).
 * track.fresh_ms: when the file first appeared; null once it was recognised as one that had moved.
 * track.lead_key: only where the tags name no album artist; such tracks of a folder are looked at together.
 * artist.empty_ms, album.empty_ms: since when nothing shown belongs to it; it is not shown, and keeps its id until purged.
 * cover: at most one an item. With a folder: a whole file that is a picture; otherwise bytes inside an audio file.
 *
 * PostgreSQL has no index of whole paths and album names: it takes 2,700 bytes an entry. Texts that an index does hold
 * are short by themselves (library-text.ts).
 */
export const libraryTables: Migration = {
  sqlite: `
create table artist (
  id integer primary key autoincrement,
  owner_id integer not null,
  key text not null,
  empty_ms integer,
  unique (owner_id, key)
) strict;
create index artist_empty on artist (empty_ms) where empty_ms is not null;

create table album (
  id integer primary key autoincrement,
  owner_id integer not null,
  artist_id integer not null,
  artist_key text not null,
  key text not null,
  release text not null,
  empty_ms integer,
  unique (owner_id, artist_key, key, release)
) strict;
create index album_artist on album (artist_id, key, release);
create index album_empty on album (empty_ms) where empty_ms is not null;

create table track (
  id integer primary key autoincrement,
  owner_id integer not null,
  source_id integer not null,
  item_id integer unique,
  state integer not null,
  fresh_ms integer,
  gone_ms integer,
  version text not null,
  stable_id text,
  content_hash text,
  fingerprint text,
  path text not null,
  folder text not null,
  size integer not null,
  title text not null,
  artist text not null,
  artists text not null,
  album text not null,
  album_key text not null,
  album_artist text,
  lead_key text,
  release text not null,
  disc integer not null,
  track integer not null,
  year integer,
  duration_ms integer,
  is_compilation integer not null,
  tags text not null,
  artist_id integer,
  album_id integer
) strict;
create index track_source on track (source_id, stable_id);
create index track_content on track (owner_id, content_hash) where content_hash is not null;
create index track_fingerprint on track (owner_id, fingerprint) where fingerprint is not null;
create index track_order on track (album_id, disc, track, path, id) where state = 0;
create index track_facts
  on track (owner_id, album_id, album, is_compilation, year, duration_ms, size) where state = 0;
create index track_loose on track (source_id, folder, album_key, release, lead_key)
  where state = 0 and lead_key is not null;
create index track_gone on track (gone_ms) where state = 2;

create table track_artist (
  track_id integer not null,
  artist_id integer not null,
  name text not null,
  primary key (track_id, artist_id)
) strict, without rowid;
create index artist_tracks on track_artist (artist_id, name, track_id);

create table cover (
  item_id integer primary key,
  owner_id integer not null,
  source_id integer not null,
  version text not null,
  folder text,
  rank integer,
  start_byte integer,
  end_byte integer,
  mime text,
  form text,
  hash text,
  hash_mime text
) strict;
create index cover_folder on cover (source_id, folder, rank, item_id) where folder is not null;
create index cover_hash on cover (hash) where hash is not null;

create virtual table track_search using fts5 (
  title, rest,
  content = '', contentless_delete = 1, prefix = '2 3', tokenize = "unicode61 remove_diacritics 2"
);
create virtual table album_search using fts5 (
  name, artist,
  content = '', contentless_delete = 1, prefix = '2 3', tokenize = "unicode61 remove_diacritics 2"
);
create virtual table artist_search using fts5 (
  name,
  content = '', contentless_delete = 1, prefix = '2 3', tokenize = "unicode61 remove_diacritics 2"
);
`,
  postgres: `
create table artist (
  id bigint generated always as identity primary key,
  owner_id bigint not null,
  key text collate "C" not null,
  empty_ms bigint,
  unique (owner_id, key)
);
create index artist_empty on artist (empty_ms) where empty_ms is not null;

create table album (
  id bigint generated always as identity primary key,
  owner_id bigint not null,
  artist_id bigint not null,
  artist_key text collate "C" not null,
  key text collate "C" not null,
  release text collate "C" not null,
  empty_ms bigint,
  unique (owner_id, artist_key, key, release)
);
create index album_artist on album (artist_id, key, release);
create index album_empty on album (empty_ms) where empty_ms is not null;

create table track (
  id bigint generated always as identity primary key,
  owner_id bigint not null,
  source_id bigint not null,
  item_id bigint unique,
  state integer not null,
  fresh_ms bigint,
  gone_ms bigint,
  version text collate "C" not null,
  stable_id text collate "C",
  content_hash text collate "C",
  fingerprint text collate "C",
  path text collate "C" not null,
  folder text collate "C" not null,
  size bigint not null,
  title text collate "C" not null,
  artist text collate "C" not null,
  artists text collate "C" not null,
  album text collate "C" not null,
  album_key text collate "C" not null,
  album_artist text collate "C",
  lead_key text collate "C",
  release text collate "C" not null,
  disc bigint not null,
  track bigint not null,
  year bigint,
  duration_ms bigint,
  is_compilation integer not null,
  tags text collate "C" not null,
  artist_id bigint,
  album_id bigint
);
create index track_source on track (source_id, stable_id);
create index track_content on track (owner_id, content_hash) where content_hash is not null;
create index track_fingerprint on track (owner_id, fingerprint) where fingerprint is not null;
create index track_order on track (album_id, disc, track) where state = 0;
create index track_facts on track (owner_id, album_id) include (duration_ms, size) where state = 0;
create index track_loose on track (source_id, folder, album_key, release, lead_key)
  where state = 0 and lead_key is not null;
create index track_gone on track (gone_ms) where state = 2;

create table track_artist (
  track_id bigint not null,
  artist_id bigint not null,
  name text collate "C" not null,
  primary key (track_id, artist_id)
);
create index artist_tracks on track_artist (artist_id, name, track_id);

create table cover (
  item_id bigint primary key,
  owner_id bigint not null,
  source_id bigint not null,
  version text collate "C" not null,
  folder text collate "C",
  rank bigint,
  start_byte bigint,
  end_byte bigint,
  mime text collate "C",
  form text collate "C",
  hash text collate "C",
  hash_mime text collate "C"
);
create index cover_folder on cover (source_id, folder, rank, item_id) where folder is not null;
create index cover_hash on cover (hash) where hash is not null;

create table track_search (id bigint primary key, words tsvector not null);
create index track_search_words on track_search using gin (words);
create table album_search (id bigint primary key, words tsvector not null);
create index album_search_words on album_search using gin (words);
create table artist_search (id bigint primary key, words tsvector not null);
create index artist_search_words on artist_search using gin (words);
`,
}
