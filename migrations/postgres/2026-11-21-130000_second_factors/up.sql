-- A second factor is pending until it is confirmed. Its secret is sealed by the program, and of recovery codes, which only
-- a confirmed one has, hashes alone are kept.
CREATE TABLE second_factors (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    -- The last step, of thirty seconds, whose code was taken: none is taken twice.
    last_step bigint,
    CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
);

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES second_factors (user_id),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (user_id, hash)
);
