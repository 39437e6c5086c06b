-- Sequence numbers are reserved here before they are given: none beyond was ever
-- given. 0 until the first append of a binary that reserves.
ALTER TABLE journal ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
