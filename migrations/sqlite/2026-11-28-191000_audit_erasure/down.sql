-- Addresses that were erased become the unspecified one, for the old check wants some address beside each request.
CREATE TABLE audit_entries_new (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    created_at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB,
    -- By which login, or whatever else a user acts through.
    actor_via BLOB,
    address TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BLOB NOT NULL CHECK (length(subject_id) = 16),
    -- A list of objects with a field, and what it was before and is after.
    changes TEXT NOT NULL CHECK (json_valid(changes)),
    -- The same of fields that are erased with their subject; there is nothing but their name in `changes`.
    personal TEXT CHECK (personal IS NULL OR json_valid(personal)),
    CHECK ((address IS NULL) = (request_id IS NULL)),
    CHECK (actor_via IS NULL OR actor_id IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_entries_new SELECT id, created_at, actor_kind, actor_id, actor_via, iif(request_id IS NULL, NULL, coalesce(address, '::')), request_id, action,
    subject_kind, subject_id, changes, personal FROM audit_entries;
DROP TABLE audit_entries;
ALTER TABLE audit_entries_new RENAME TO audit_entries;
CREATE INDEX audit_entries_by_created_at ON audit_entries (created_at, id);
CREATE INDEX audit_entries_by_actor ON audit_entries (actor_id, created_at, id);
CREATE INDEX audit_entries_by_action ON audit_entries (action, created_at, id);
CREATE INDEX audit_entries_by_subject ON audit_entries (subject_id, created_at, id);
CREATE TRIGGER audit_entries_stay BEFORE DELETE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
CREATE TRIGGER audit_entries_never_change
BEFORE UPDATE OF id, created_at, actor_kind, actor_id, actor_via, address, request_id, action, subject_kind, subject_id,
    changes ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
CREATE TRIGGER audit_entries_are_erased BEFORE UPDATE OF personal ON audit_entries WHEN NEW.personal IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;
