DROP TABLE audit_entries;
DROP FUNCTION refuse_in_audit_log;
