-- Files of the raw archive, as far as they are committed: what lies beyond bytes
-- is cut off at the next start.
CREATE TABLE archive_files (
  path      TEXT PRIMARY KEY,
  stream_id TEXT NOT NULL,
  shard     INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  records   INTEGER NOT NULL,
  hour      INTEGER NOT NULL                -- its beginning
) STRICT, WITHOUT ROWID;
CREATE INDEX archive_files_stream ON archive_files (stream_id, shard, last_seq);

-- Parts of requests that carried an Idempotency-Key. The answer is made again
-- from the body that a retry brings; here is what the body does not tell.
DROP TABLE idempotency;
CREATE TABLE idempotency (
  key       BLOB NOT NULL,                  -- 16 bytes, hashed with the stream
  part      INTEGER NOT NULL,               -- of the request, counted from 0
  parts     INTEGER NOT NULL,
  body_hash BLOB NOT NULL,
  first_id  INTEGER NOT NULL,               -- record id
  records   INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (key, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);
