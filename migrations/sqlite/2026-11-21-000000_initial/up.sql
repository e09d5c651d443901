-- Identifiers are the 16 bytes of a UUID, moments are milliseconds since 1970, money is minor units and a currency.
-- What the domain promises is checked here once more, as the last line of defence.

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    email TEXT,
    -- Case-folded by the domain; none once the user is erased, so that the address is free again.
    email_folded TEXT UNIQUE,
    password TEXT,
    -- A sum of 1 customer, 2 staff, 4 admin.
    roles INTEGER NOT NULL CHECK (roles BETWEEN 1 AND 7),
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    search TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    erased_at INTEGER,
    CHECK ((erased_at IS NULL) = (email IS NOT NULL)),
    CHECK ((erased_at IS NULL) = (email_folded IS NOT NULL)),
    CHECK ((erased_at IS NULL) = (password IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_created_at ON users (created_at, id) WHERE erased_at IS NULL;
CREATE INDEX users_by_name ON users (name, id) WHERE erased_at IS NULL;
CREATE INDEX users_by_email ON users (email_folded, id) WHERE erased_at IS NULL;
CREATE INDEX users_admins ON users (id) WHERE roles >= 4 AND erased_at IS NULL;

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    refresh_hash BLOB NOT NULL CHECK (length(refresh_hash) = 32),
    refresh_id BLOB NOT NULL CHECK (length(refresh_id) = 16),
    refresh_issued_at INTEGER NOT NULL,
    previous_hash BLOB,
    rotated_at INTEGER,
    user_agent TEXT,
    address TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, last_used_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE products (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    stock INTEGER NOT NULL CHECK (stock >= 0),
    search TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT, WITHOUT ROWID;
-- None on stock or updated_at: every order line would have to move its product in them.
CREATE INDEX products_by_created_at ON products (created_at, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_name ON products (name, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_amount ON products (amount, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_sku ON products (sku, id) WHERE archived_at IS NULL;

CREATE TABLE orders (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id),
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded')),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_created_at ON orders (created_at, id);
CREATE INDEX orders_by_user ON orders (user_id, created_at, id);
CREATE INDEX orders_by_status ON orders (status, created_at, id);
CREATE INDEX orders_by_user_and_status ON orders (user_id, status, created_at, id);

CREATE TABLE order_lines (
    order_id BLOB NOT NULL REFERENCES orders (id),
    line INTEGER NOT NULL CHECK (line >= 0),
    product_id BLOB NOT NULL REFERENCES products (id),
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_amount INTEGER NOT NULL CHECK (unit_amount >= 0),
    line_amount INTEGER NOT NULL CHECK (line_amount >= 0),
    PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

-- All that happened, in the order of its commits: one writer hands the numbers out.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('order.created', 'order.status_changed', 'product.stock_changed')),
    order_id BLOB REFERENCES orders (id),
    product_id BLOB REFERENCES products (id),
    actor_id BLOB NOT NULL,
    status_from TEXT,
    status_to TEXT,
    delta INTEGER,
    reason TEXT,
    at INTEGER NOT NULL,
    CHECK ((kind = 'product.stock_changed') = (product_id IS NOT NULL AND delta IS NOT NULL)),
    CHECK ((kind = 'product.stock_changed') = (order_id IS NULL))
) STRICT;
CREATE INDEX events_by_order ON events (order_id, sequence) WHERE order_id IS NOT NULL;

CREATE TABLE idempotency_keys (
    user_id BLOB NOT NULL REFERENCES users (id),
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    order_id BLOB NOT NULL REFERENCES orders (id),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
