-- Finds products by the trigrams of their search texts: those that have all trigrams of a word, among which the program
-- looks for the word itself. Texts are folded by the domain, so the tokenizer compares them as they are.
--
-- The index keeps trigrams and row numbers only (contentless, detail = none). Products have no row numbers, so each gets
-- one here, for good.
CREATE TABLE product_search_rows (
    row INTEGER PRIMARY KEY,
    product_id BLOB NOT NULL UNIQUE REFERENCES products (id)
) STRICT;
INSERT INTO product_search_rows (product_id) SELECT id FROM products ORDER BY created_at, id;

CREATE VIRTUAL TABLE product_search
USING fts5 (search, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1');
INSERT INTO product_search (rowid, search)
SELECT row, search FROM product_search_rows JOIN products ON id = product_id WHERE archived_at IS NULL ORDER BY row;

-- The index has products that are for sale. A contentless index must be told what it forgets.
CREATE TRIGGER products_are_searched AFTER INSERT ON products
BEGIN
    INSERT INTO product_search_rows (product_id) VALUES (NEW.id);
    INSERT INTO product_search (rowid, search)
    SELECT row, NEW.search FROM product_search_rows WHERE product_id = NEW.id AND NEW.archived_at IS NULL;
END;
-- An order changes the stock, and fires nothing.
CREATE TRIGGER products_are_searched_again AFTER UPDATE OF search, archived_at ON products
WHEN OLD.search <> NEW.search OR (OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL)
BEGIN
    INSERT INTO product_search (product_search, rowid, search)
    SELECT 'delete', row, OLD.search FROM product_search_rows WHERE product_id = OLD.id AND OLD.archived_at IS NULL;
    INSERT INTO product_search (rowid, search)
    SELECT row, NEW.search FROM product_search_rows WHERE product_id = NEW.id AND NEW.archived_at IS NULL;
END;
CREATE TRIGGER products_are_not_searched BEFORE DELETE ON products
BEGIN
    INSERT INTO product_search (product_search, rowid, search)
    SELECT 'delete', row, OLD.search FROM product_search_rows WHERE product_id = OLD.id AND OLD.archived_at IS NULL;
    DELETE FROM product_search_rows WHERE product_id = OLD.id;
END;
