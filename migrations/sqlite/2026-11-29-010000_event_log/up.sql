-- The event log that clients follow. The history of orders stays in the table `events`.
--
-- A record is what one transaction wrote. There is one writer, so records are numbered in the order of their commits; a
-- number is never given twice, also when the records after it are gone.
CREATE TABLE event_log (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Tells the records of this log from those that had the same number before a backup was restored.
    nonce INTEGER NOT NULL DEFAULT (random() & 4294967295),
    -- The kinds of its events: a sum of powers of two.
    kinds INTEGER NOT NULL CHECK (kinds > 0),
    -- When it happened, by the clock of the program.
    at INTEGER NOT NULL,
    -- When it was written, by the clock of the store: from then on it is kept for some time.
    written_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    -- The events, in order.
    events TEXT NOT NULL CHECK (json_valid(events))
) STRICT;

-- How far each consumer has handled the log.
CREATE TABLE event_consumers (
    name TEXT NOT NULL PRIMARY KEY,
    record INTEGER NOT NULL CHECK (record >= 0),
    place INTEGER NOT NULL CHECK (place >= 0)
) STRICT, WITHOUT ROWID;
