//! The audit entries of API keys.

use super::{ApiKey, KeyPrefix, Scope};
use crate::{
    ApiKeyId, UserId,
    audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change},
};

impl Cause {
    /// The entry for a new key. It does not contain the key's name, which may be personal data.
    pub fn api_key_created(&self, key: &ApiKey) -> AuditEntry {
        let scopes = key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", ");
        let changes = vec![
            Change::to(AuditField::ApiKey, &key.id),
            Change::to(AuditField::Prefix, &key.prefix),
            Change::to(AuditField::Scopes, &scopes),
        ];
        self.entry(AuditAction::ApiKeyCreated, AuditSubject::User(key.user), changes)
    }

    /// The entry for a revoked key.
    pub fn api_key_revoked(&self, user: UserId, key: ApiKeyId, prefix: KeyPrefix) -> AuditEntry {
        let changes = vec![Change::from(AuditField::ApiKey, &key), Change::from(AuditField::Prefix, &prefix)];
        self.entry(AuditAction::ApiKeyRevoked, AuditSubject::User(user), changes)
    }
}
