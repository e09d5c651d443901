-- Tickets open one live feed each, within seconds. Of a ticket only the SHA-256 is kept; used ones are gone. There are no
-- foreign keys: who redeems a ticket asks for its session or key anyway.
CREATE TABLE tickets (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    user_id uuid NOT NULL,
    session_id uuid,
    -- The prefix of an API key.
    key_prefix text COLLATE "C" CHECK (length(key_prefix) = 13),
    expires_at timestamptz NOT NULL,
    CHECK ((session_id IS NULL) <> (key_prefix IS NULL))
);
CREATE INDEX tickets_by_expiry ON tickets (expires_at);
