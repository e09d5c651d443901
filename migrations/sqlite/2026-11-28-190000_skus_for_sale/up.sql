-- A sku is unique among products that are for sale. Archived products keep theirs, however many had it before.
-- SQLite cannot drop a constraint, so the table is made anew.
CREATE TABLE products_new (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sku TEXT NOT NULL,
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
CREATE UNIQUE INDEX products_sku_for_sale ON products (sku) WHERE archived_at IS NULL;
-- An import finds the archived product that had a sku last.
CREATE INDEX products_sku_archived ON products (sku, archived_at) WHERE archived_at IS NOT NULL;
