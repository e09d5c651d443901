-- Money is minor units and a currency. What the domain promises is checked here once more, as the last line of defence.
-- Texts that lists are sorted by compare byte for byte, as in every other store, whatever the locale of the server.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    -- Case-folded by the domain; none once the user is erased, so that the address is free again.
    email_folded text COLLATE "C" UNIQUE,
    password text,
    -- A sum of 1 customer, 2 staff, 4 admin.
    roles bigint NOT NULL CHECK (roles BETWEEN 1 AND 7),
    email_verified boolean NOT NULL,
    search text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    erased_at timestamptz,
    CHECK ((erased_at IS NULL) = (email IS NOT NULL)),
    CHECK ((erased_at IS NULL) = (email_folded IS NOT NULL)),
    CHECK ((erased_at IS NULL) = (password IS NOT NULL))
);
-- Whoever writes past the program cannot have two of one address either.
CREATE UNIQUE INDEX users_lower_email ON users (lower(email));
CREATE INDEX users_by_created_at ON users (created_at, id) WHERE erased_at IS NULL;
CREATE INDEX users_by_name ON users (name, id) WHERE erased_at IS NULL;
CREATE INDEX users_by_email ON users (email_folded, id) WHERE erased_at IS NULL;
CREATE INDEX users_admins ON users (id) WHERE roles >= 4 AND erased_at IS NULL;

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    refresh_hash bytea NOT NULL CHECK (length(refresh_hash) = 32),
    refresh_id uuid NOT NULL,
    refresh_issued_at timestamptz NOT NULL,
    previous_hash bytea,
    rotated_at timestamptz,
    user_agent text,
    address text,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX sessions_by_user ON sessions (user_id, last_used_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Every order changes its products: room in each page lets the new version stay beside the old one, without a word to
-- the indexes (a heap-only tuple). For the same reason there is no index on stock or updated_at.
CREATE TABLE products (
    id uuid PRIMARY KEY,
    sku text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    description text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    stock bigint NOT NULL CHECK (stock >= 0),
    search text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX products_by_created_at ON products (created_at, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_name ON products (name, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_amount ON products (amount, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_sku ON products (sku, id) WHERE archived_at IS NULL;

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    status text COLLATE "C" NOT NULL
        CHECK (status IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded')),
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    version bigint NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX orders_by_created_at ON orders (created_at, id);
CREATE INDEX orders_by_user ON orders (user_id, created_at, id);
CREATE INDEX orders_by_status ON orders (status, created_at, id);
CREATE INDEX orders_by_user_and_status ON orders (user_id, status, created_at, id);

CREATE TABLE order_lines (
    order_id uuid NOT NULL REFERENCES orders (id),
    line bigint NOT NULL CHECK (line >= 0),
    product_id uuid NOT NULL REFERENCES products (id),
    sku text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    unit_amount bigint NOT NULL CHECK (unit_amount >= 0),
    line_amount bigint NOT NULL CHECK (line_amount >= 0),
    PRIMARY KEY (order_id, line)
);

-- All that happened. Numbers are handed out before the commit, so a later one can be seen before an earlier one:
-- whoever follows the log must stay behind the oldest transaction that still runs.
CREATE TABLE events (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('order.created', 'order.status_changed', 'product.stock_changed')),
    order_id uuid REFERENCES orders (id),
    product_id uuid REFERENCES products (id),
    actor_id uuid NOT NULL,
    status_from text,
    status_to text,
    delta bigint,
    reason text,
    at timestamptz NOT NULL,
    CHECK ((kind = 'product.stock_changed') = (product_id IS NOT NULL AND delta IS NOT NULL)),
    CHECK ((kind = 'product.stock_changed') = (order_id IS NULL))
);
CREATE INDEX events_by_order ON events (order_id, sequence) WHERE order_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL REFERENCES users (id),
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    order_id uuid NOT NULL REFERENCES orders (id),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Moved by commands that write beside running servers, which look at it and forget what they remember.
CREATE SEQUENCE foreign_writes;
