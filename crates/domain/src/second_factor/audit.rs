//! The audit entries of second factors.

use crate::{
    SessionId, UserId,
    audit::{AuditAction, AuditEntry, AuditSubject, Cause, ended_sessions},
};

impl Cause {
    /// The entry for an enabled second factor, which ended these sessions.
    pub fn second_factor_enabled(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::SecondFactorEnabled, AuditSubject::User(user), ended_sessions(ended))
    }

    /// The entry for a removed second factor.
    pub fn second_factor_removed(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::SecondFactorRemoved, AuditSubject::User(user), Vec::new())
    }

    /// The entry for a used recovery code.
    pub fn recovery_code_used(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::RecoveryCodeUsed, AuditSubject::User(user), Vec::new())
    }

    /// The entry for replaced recovery codes.
    pub fn recovery_codes_renewed(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::RecoveryCodesRenewed, AuditSubject::User(user), Vec::new())
    }
}
