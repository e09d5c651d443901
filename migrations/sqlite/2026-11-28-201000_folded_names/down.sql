DROP INDEX users_by_name;
DROP INDEX products_by_name;
ALTER TABLE users DROP COLUMN name_folded;
ALTER TABLE products DROP COLUMN name_folded;
CREATE INDEX users_by_name ON users (name, id) WHERE erased_at IS NULL;
CREATE INDEX products_by_name ON products (name, id) WHERE archived_at IS NULL;
