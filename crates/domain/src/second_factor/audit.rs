//! The audit entries of second factors.

use crate::{
    SessionId, UserId,
    audit::{AuditAction, AuditEntry, AuditSubject, Cause, ended_sessions},
};

impl Cause {
    /// A second factor came into force, and ended these sessions.
    pub fn second_factor_enabled(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::SecondFactorEnabled, AuditSubject::User(user), ended_sessions(ended))
    }

    /// A second factor was removed.
    pub fn second_factor_removed(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::SecondFactorRemoved, AuditSubject::User(user), Vec::new())
    }

    /// A recovery code was used.
    pub fn recovery_code_used(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::RecoveryCodeUsed, AuditSubject::User(user), Vec::new())
    }

    /// All recovery codes were replaced.
    pub fn recovery_codes_renewed(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::RecoveryCodesRenewed, AuditSubject::User(user), Vec::new())
    }
}
