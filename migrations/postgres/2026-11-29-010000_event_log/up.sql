-- The event log that clients follow. The history of orders stays in the table `events`.
--
-- A record is what one transaction wrote. Its sequence is drawn after the locks of what was changed, so records of one
-- order or product are in the order of their changes; but it is drawn before the commit. So a record gets its number
-- afterwards, by whoever numbers what has been committed (`event_head`), and is visible from then on.
CREATE TABLE event_log (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    number bigint CHECK (number > 0),
    -- Tells the records of this log from those that had the same number before a backup was restored.
    nonce bigint NOT NULL DEFAULT floor(random() * 4294967296)::bigint,
    -- The kinds of its events: a sum of powers of two.
    kinds bigint NOT NULL CHECK (kinds > 0),
    -- When it happened, by the clock of the program.
    at timestamptz NOT NULL,
    -- When it was numbered: from then on it is kept for some time.
    numbered_at timestamptz,
    -- The events, in order.
    events text,
    -- In their place where orders were placed: the orders, and the products as they were before. Orders and their lines
    -- never change, so the events follow from these, and the statement that places orders has little to write.
    orders uuid[],
    products uuid[],
    stocks bigint[],
    versions bigint[],
    CHECK ((number IS NULL) = (numbered_at IS NULL)),
    CHECK (events IS NOT NULL OR (orders IS NOT NULL AND products IS NOT NULL AND stocks IS NOT NULL AND versions IS NOT NULL)),
    CHECK (events IS NULL OR orders IS NULL)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX event_log_to_number ON event_log (sequence) WHERE number IS NULL;
CREATE UNIQUE INDEX event_log_by_number ON event_log (number) WHERE number IS NOT NULL;

-- The last number. Whoever has locked the row gives the next ones.
CREATE TABLE event_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    last bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO event_head DEFAULT VALUES;

-- How far each consumer has handled the log.
CREATE TABLE event_consumers (
    name text COLLATE "C" PRIMARY KEY,
    record bigint NOT NULL CHECK (record >= 0),
    place bigint NOT NULL CHECK (place >= 0)
) WITH (fillfactor = 50);
