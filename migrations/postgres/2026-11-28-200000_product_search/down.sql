-- The extension stays: something else may use it.
DROP INDEX IF EXISTS products_by_search;
