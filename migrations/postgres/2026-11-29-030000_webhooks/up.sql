-- Endpoints that are sent events.
CREATE TABLE webhooks (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    -- The sum of the kinds of events that it wants; none means all of them.
    types bigint CHECK (types IS NULL OR types > 0),
    description text NOT NULL,
    active boolean NOT NULL,
    signing text COLLATE "C" NOT NULL CHECK (signing IN ('hmac', 'ed25519')),
    public_key text CHECK ((public_key IS NOT NULL) = (signing = 'ed25519')),
    -- Sealed for the maker, also once they are erased.
    secret bytea NOT NULL,
    -- The secret before the last rotation, and until when deliveries are signed with it too.
    previous_secret bytea,
    previous_until timestamptz CHECK ((previous_until IS NULL) = (previous_secret IS NULL)),
    created_by uuid NOT NULL,
    -- The first failure after the last success.
    failing_since timestamptz,
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Nobody sees it any more. The row goes when all that belongs to it has gone, which may take a while.
    deleted_at timestamptz
);
CREATE INDEX webhooks_by_created_at ON webhooks (created_at, id) WHERE deleted_at IS NULL;
