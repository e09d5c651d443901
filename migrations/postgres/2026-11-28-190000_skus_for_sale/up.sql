-- A sku is unique among products that are for sale. Archived products keep theirs, however many had it before.
ALTER TABLE products DROP CONSTRAINT products_sku_key;
CREATE UNIQUE INDEX products_sku_for_sale ON products (sku) WHERE archived_at IS NULL;
-- An import finds the archived product that had a sku last.
CREATE INDEX products_sku_archived ON products (sku, archived_at) WHERE archived_at IS NOT NULL;
