-- Public keys made while the node ran; those of biwa.yaml are not here.
CREATE TABLE public_keys (
  name       TEXT PRIMARY KEY,
  hash       BLOB NOT NULL UNIQUE,          -- SHA-256 of the key
  hint       TEXT NOT NULL,                 -- how the key begins, for people
  stream     TEXT NOT NULL,                 -- the name of the one it writes to
  origins    TEXT NOT NULL,                 -- JSON: a list of texts
  rate       INTEGER NOT NULL,              -- records a second; 0 for the default
  created_at INTEGER NOT NULL
) STRICT;
