-- Endpoints that are sent events.
CREATE TABLE webhooks (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    url TEXT NOT NULL,
    -- The sum of the kinds of events that it wants; none means all of them.
    types INTEGER CHECK (types IS NULL OR types > 0),
    description TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    signing TEXT NOT NULL CHECK (signing IN ('hmac', 'ed25519')),
    public_key TEXT CHECK ((public_key IS NOT NULL) = (signing = 'ed25519')),
    -- Sealed for the maker, also once they are erased.
    secret BLOB NOT NULL,
    -- The secret before the last rotation, and until when deliveries are signed with it too.
    previous_secret BLOB,
    previous_until INTEGER CHECK ((previous_until IS NULL) = (previous_secret IS NULL)),
    created_by BLOB NOT NULL CHECK (length(created_by) = 16),
    -- The first failure after the last success.
    failing_since INTEGER,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Nobody sees it any more. The row goes when all that belongs to it has gone, which may take a while.
    deleted_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_by_created_at ON webhooks (created_at, id) WHERE deleted_at IS NULL;
