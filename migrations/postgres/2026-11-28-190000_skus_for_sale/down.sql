-- Fails where a sku is used twice: give all but one of its products another sku before.
DROP INDEX products_sku_archived;
DROP INDEX products_sku_for_sale;
ALTER TABLE products ADD CONSTRAINT products_sku_key UNIQUE (sku);
