-- The address in what a user did is erased with the user, so it may be missing where there is a request.
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_address_check CHECK (address IS NULL OR request_id IS NOT NULL);
DROP TRIGGER audit_entries_never_change ON audit_entries;
CREATE TRIGGER audit_entries_never_change
BEFORE UPDATE OF id, created_at, actor_kind, actor_id, actor_via, request_id, action, subject_kind, subject_id, changes
    ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_in_audit_log();
CREATE TRIGGER audit_addresses_are_erased BEFORE UPDATE OF address ON audit_entries
FOR EACH ROW WHEN (NEW.address IS NOT NULL) EXECUTE FUNCTION refuse_in_audit_log();
