-- Of a key only the SHA-256 is kept, and ten letters that find it. Revoked ones are gone; those of erased users stay for a
-- day, without their names, so that whoever remembers them can be told.
CREATE TABLE api_keys (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL UNIQUE CHECK (length(prefix) = 13),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- A sum of 1 orders:read, 2 orders:write, 4 products:write, 8 stock:write, 16 users:read, and what comes after them.
    scopes INTEGER NOT NULL CHECK (scopes > 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE expires_at IS NOT NULL;
