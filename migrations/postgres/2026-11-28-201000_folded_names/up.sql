-- Names are sorted by what the domain makes of them for a search: the first line of the search text. Up to 200 characters
-- of it, for some characters become many, and an entry of an index has no room for thousands.
--
-- The indexes of the older order go at once: until an update is over, older instances sort by name without one.
CREATE INDEX users_by_folded_name ON users (left(split_part(search, E'\n', 1), 200), id) WHERE erased_at IS NULL;
CREATE INDEX products_by_folded_name ON products (left(split_part(search, E'\n', 1), 200), id)
    WHERE archived_at IS NULL;
DROP INDEX users_by_name;
DROP INDEX products_by_name;
