-- Addresses that were erased become the unspecified one, for the old check wants some address beside each request.
DROP TRIGGER audit_addresses_are_erased ON audit_entries;
DROP TRIGGER audit_entries_never_change ON audit_entries;
UPDATE audit_entries SET address = '::' WHERE address IS NULL AND request_id IS NOT NULL;
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_address_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_check CHECK ((address IS NULL) = (request_id IS NULL));
CREATE TRIGGER audit_entries_never_change
BEFORE UPDATE OF id, created_at, actor_kind, actor_id, actor_via, address, request_id, action, subject_kind, subject_id,
    changes ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_in_audit_log();
