-- Tickets open one live feed each, within seconds. Of a ticket only the SHA-256 is kept; used ones are gone. There are no
-- foreign keys: who redeems a ticket asks for its session or key anyway.
CREATE TABLE tickets (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    session_id BLOB CHECK (length(session_id) = 16),
    -- The prefix of an API key.
    key_prefix TEXT CHECK (length(key_prefix) = 13),
    expires_at INTEGER NOT NULL,
    CHECK ((session_id IS NULL) <> (key_prefix IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);
