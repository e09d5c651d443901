-- Finds products by the trigrams of their search texts. That takes the extension pg_trgm, which is in PostgreSQL's contrib
-- package and which a role with CREATE on the database may make. Where it cannot be had, searches read every product, as
-- before. The program runs this again whenever it migrates, and makes the index once the extension is there.
--
-- The index locks out writers while it is made, a minute or two for a million products. To make it before:
--     CREATE EXTENSION pg_trgm;
--     CREATE INDEX CONCURRENTLY products_by_search ON products USING gin (search gin_trgm_ops) WHERE archived_at IS NULL;
DO $$
DECLARE
    place name;
BEGIN
    IF to_regclass('products_by_search') IS NOT NULL THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
            RETURN;
        END IF;
        BEGIN
            CREATE EXTENSION pg_trgm;
        EXCEPTION WHEN OTHERS THEN
            -- Each host has its own way to say that the role may not.
            RETURN;
        END;
    END IF;
    SELECT nspname INTO place FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_trgm';
    IF has_schema_privilege(place, 'USAGE') THEN
        EXECUTE format('CREATE INDEX products_by_search ON products USING gin (search %I.gin_trgm_ops)
            WHERE archived_at IS NULL', place);
    END IF;
END
$$;
