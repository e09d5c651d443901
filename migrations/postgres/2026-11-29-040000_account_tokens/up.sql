-- Tokens that were mailed, by their hashes. One that is used or ended expires at that moment, and is deleted later: how many
-- were sent within an hour is counted.
CREATE TABLE account_tokens (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    user_id uuid NOT NULL REFERENCES users (id),
    purpose text NOT NULL CHECK (purpose IN ('email_verification', 'password_reset')),
    -- The email that it was sent to, as its owner writes it.
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX account_tokens_by_user ON account_tokens (user_id, purpose, created_at);
CREATE INDEX account_tokens_by_expiry ON account_tokens (expires_at);

-- Devices that users have logged in from, by the hashes of what they call themselves.
CREATE TABLE known_devices (
    user_id uuid NOT NULL REFERENCES users (id),
    device bytea NOT NULL CHECK (length(device) = 32),
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, device)
);
