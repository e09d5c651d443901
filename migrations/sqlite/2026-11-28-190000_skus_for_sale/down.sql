-- Fails where a sku is used twice: give all but one of its products another sku before.
CREATE TABLE products_new (
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
INSERT INTO products_new SELECT id, sku, name, description, amount, currency, stock, search, version, created_at,
    updated_at, archived_at FROM products;
DROP TABLE products;
ALTER TABLE products_new RENAME TO products;
-- None on stock or updated_at: every order line would have to move its product in them.
CREATE INDEX products_by_created_at ON products (created_at, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_name ON products (name, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_amount ON products (amount, id) WHERE archived_at IS NULL;
CREATE INDEX products_by_sku ON products (sku, id) WHERE archived_at IS NULL;
