-- Times are microseconds since 1970 in UTC. Hashes are unsigned 64-bit sums
-- kept in SQLite's signed integers, bit for bit. Sequences are within a shard.

-- Small facts about the node: key names what it is.
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- A stream keeps its id for life; one that is deleted and made again has a new id.
CREATE TABLE streams (
  id         TEXT PRIMARY KEY,              -- 32 hexadecimal digits
  name       TEXT NOT NULL,                 -- also the name of its table
  state      TEXT NOT NULL CHECK (state IN ('active', 'deleted')),
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX streams_active ON streams (name) WHERE state = 'active';

-- Which definition holds from which sequence of which shard. Replay shapes an
-- envelope by the generation that held for it, whatever was applied since.
CREATE TABLE generations (
  stream_id  TEXT NOT NULL REFERENCES streams (id),
  generation INTEGER NOT NULL,
  shard      INTEGER NOT NULL,
  from_seq   INTEGER NOT NULL,
  definition TEXT NOT NULL,                 -- the stream's YAML as it was applied
  columns    TEXT NOT NULL DEFAULT '[]',    -- JSON: what unknown_fields: evolve added
  applied_at INTEGER NOT NULL,
  PRIMARY KEY (stream_id, generation, shard)
) STRICT;

-- How far each consumer of the log has stored what it makes of it: its row moves
-- in the transaction that stores the data. offset is the last sequence stored.
-- epoch is who may move it; a take-over adds one and so fences the owner before.
CREATE TABLE consumers (
  name   TEXT NOT NULL,                     -- table:<stream id>, archive, idempotency, dedupe:<stream id>
  shard  INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  epoch  INTEGER NOT NULL,
  PRIMARY KEY (name, shard)
) STRICT;

-- What is known of each shard of the log, to notice that it was damaged,
-- replaced or set back.
CREATE TABLE journal (
  shard       INTEGER PRIMARY KEY,
  uuid        TEXT NOT NULL,                -- of the log's own storage
  high        INTEGER NOT NULL,             -- no sequence up to here is used again
  incarnation INTEGER NOT NULL              -- counts its storages
) STRICT;

-- What went wrong with the data, with its exact range: part of the accounts.
CREATE TABLE incidents (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  shard    INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq   INTEGER NOT NULL,
  kind     TEXT NOT NULL,                   -- gap, crc, jump, clock, file_missing, ...
  detail   TEXT NOT NULL
) STRICT;

-- Answers to requests with an Idempotency-Key, and where their records begin.
CREATE TABLE idempotency (
  key       BLOB PRIMARY KEY,               -- 16 bytes, hashed
  body_hash BLOB NOT NULL,
  answer    BLOB NOT NULL,
  at        INTEGER NOT NULL,
  shard     INTEGER NOT NULL,
  first_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);

-- The accounts: one row for each flush of a stream and hour of receipt (UTC).
-- Invariant, for counts as for hashes modulo 2^64:
--   accepted = delivered + quarantined + deduplicated + filtered
-- A replay from quarantine is a row that accepted nothing, with a negative
-- number quarantined. Old rows are folded into one for each hour.
CREATE TABLE ledger (
  id                  INTEGER PRIMARY KEY,
  stream_id           TEXT NOT NULL,
  kind                TEXT NOT NULL CHECK (kind IN ('flush', 'replay')),
  shard               INTEGER NOT NULL,
  from_seq            INTEGER NOT NULL,     -- the first and the last envelope
  to_seq              INTEGER NOT NULL,
  hour                INTEGER NOT NULL,     -- its beginning
  accepted            INTEGER NOT NULL,
  accepted_hash       INTEGER NOT NULL,
  delivered           INTEGER NOT NULL,
  delivered_hash      INTEGER NOT NULL,
  quarantined         INTEGER NOT NULL,
  quarantined_hash    INTEGER NOT NULL,
  deduplicated        INTEGER NOT NULL,
  deduplicated_hash   INTEGER NOT NULL,
  filtered            INTEGER NOT NULL,
  filtered_hash       INTEGER NOT NULL,
  table_snapshot      INTEGER NOT NULL,     -- 0 where the flush wrote no rows
  quarantine_snapshot INTEGER NOT NULL,
  flushes             INTEGER NOT NULL,     -- how many are folded into the row
  at                  INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_range ON ledger (stream_id, shard, from_seq);
CREATE INDEX ledger_hour ON ledger (hour);

-- A replay is accounted for once: its id, drawn before it began.
CREATE TABLE ledger_replays (
  id TEXT PRIMARY KEY,
  by TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- Rows that were live and are no longer.
CREATE TABLE ledger_removals (
  id         INTEGER PRIMARY KEY,
  table_name TEXT NOT NULL,
  stream_id  TEXT NOT NULL,                 -- '' where rows of several streams went together
  reason     TEXT NOT NULL CHECK (reason IN ('retention', 'delete', 'replay', 'reprocess', 'foreign')),
  by         TEXT NOT NULL,                 -- who or what asked for it
  count      INTEGER NOT NULL,
  hash       INTEGER NOT NULL,
  min_id     INTEGER NOT NULL,              -- bounds of the record ids removed; 0, 0 if unknown
  max_id     INTEGER NOT NULL,
  snapshot   INTEGER NOT NULL,
  at         INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_removals_table ON ledger_removals (table_name);

-- Iceberg's SQL catalogue, column for column as other clients expect it.
CREATE TABLE iceberg_tables (
  catalog_name               TEXT NOT NULL,
  table_namespace            TEXT NOT NULL,
  table_name                 TEXT NOT NULL,
  iceberg_type               TEXT,
  metadata_location          TEXT,
  previous_metadata_location TEXT,
  PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE iceberg_namespace_properties (
  catalog_name   TEXT NOT NULL,
  namespace      TEXT NOT NULL,
  property_key   TEXT NOT NULL,
  property_value TEXT,
  PRIMARY KEY (catalog_name, namespace, property_key)
);

-- The data files of each table's current snapshot, so that a start never plans
-- from manifests. Changed in the transaction that swaps the metadata.
CREATE TABLE files (
  path       TEXT PRIMARY KEY,              -- in the object store
  table_name TEXT NOT NULL,
  spec_id    INTEGER NOT NULL,              -- partition spec
  young      INTEGER NOT NULL,              -- 1: written by a flush, not yet compacted
  rows       INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  has_time   INTEGER NOT NULL,
  min_time   INTEGER NOT NULL,
  max_time   INTEGER NOT NULL,
  min_id     INTEGER NOT NULL,              -- record ids; 0, 0 where there are none
  max_id     INTEGER NOT NULL,
  partition  TEXT,                          -- JSON: the spec's values in order
  snapshot   INTEGER NOT NULL,              -- that added it
  added_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX files_table ON files (table_name, young);

-- Iceberg metadata, manifest lists and manifests that the current metadata
-- reaches. What lies in a metadata folder and is neither here nor in deletions
-- was staged by a commit that never happened.
CREATE TABLE metadata_files (
  path       TEXT PRIMARY KEY,
  table_name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_files_table ON metadata_files (table_name);

-- Files no current snapshot reaches. A data file or manifest is still named by
-- snapshots older than the one that dropped it: not_before is null until those
-- have expired. Then it is deleted once not_before has passed and no query holds it.
CREATE TABLE deletions (
  path       TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  dropped_at INTEGER NOT NULL,              -- Iceberg sequence number of the snapshot that dropped it
  not_before INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX deletions_due ON deletions (not_before) WHERE not_before IS NOT NULL;
CREATE INDEX deletions_waiting ON deletions (table_name, dropped_at) WHERE not_before IS NULL;
