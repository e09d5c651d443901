-- Names are sorted by what the domain makes of them for a search: the first line of the search text. Up to 200 characters
-- of it, for some characters become many.
ALTER TABLE users ADD COLUMN name_folded TEXT
    GENERATED ALWAYS AS (substr(search, 1, min(instr(search || char(10), char(10)) - 1, 200))) VIRTUAL;
ALTER TABLE products ADD COLUMN name_folded TEXT
    GENERATED ALWAYS AS (substr(search, 1, min(instr(search || char(10), char(10)) - 1, 200))) VIRTUAL;
DROP INDEX users_by_name;
DROP INDEX products_by_name;
CREATE INDEX users_by_name ON users (name_folded, id) WHERE erased_at IS NULL;
CREATE INDEX products_by_name ON products (name_folded, id) WHERE archived_at IS NULL;
