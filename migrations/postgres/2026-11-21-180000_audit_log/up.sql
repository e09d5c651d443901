-- Who did what, from where, and what it changed. Kinds, actions and fields have no list of their own here: new ones
-- come with new versions, and an old schema must not refuse them.

CREATE TABLE audit_entries (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    actor_id uuid,
    -- By which login, or whatever else a user acts through.
    actor_via uuid,
    address text COLLATE "C",
    request_id text COLLATE "C",
    action text COLLATE "C" NOT NULL,
    subject_kind text COLLATE "C" NOT NULL,
    subject_id uuid NOT NULL,
    -- A list of objects with a field, and what it was before and is after.
    changes jsonb NOT NULL,
    -- The same of fields that are erased with their subject; there is nothing but their name in `changes`.
    personal jsonb,
    CHECK ((address IS NULL) = (request_id IS NULL)),
    CHECK (actor_via IS NULL OR actor_id IS NOT NULL)
);
CREATE INDEX audit_entries_by_created_at ON audit_entries (created_at, id);
CREATE INDEX audit_entries_by_actor ON audit_entries (actor_id, created_at, id);
CREATE INDEX audit_entries_by_action ON audit_entries (action, created_at, id);
CREATE INDEX audit_entries_by_subject ON audit_entries (subject_id, created_at, id);

-- It only grows, but for what is erased with a user.
CREATE FUNCTION refuse_in_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log only grows';
END
$$;
CREATE TRIGGER audit_entries_stay BEFORE DELETE OR TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_in_audit_log();
CREATE TRIGGER audit_entries_never_change
BEFORE UPDATE OF id, created_at, actor_kind, actor_id, actor_via, address, request_id, action, subject_kind, subject_id,
    changes ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_in_audit_log();
CREATE TRIGGER audit_entries_are_erased BEFORE UPDATE OF personal ON audit_entries
FOR EACH ROW WHEN (NEW.personal IS NOT NULL) EXECUTE FUNCTION refuse_in_audit_log();
