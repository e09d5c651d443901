//! The audit entries of logins.

use super::NewSession;
use crate::{
    SessionId, UserId,
    audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change, ended_sessions},
};

impl Cause {
    /// Somebody logged in.
    pub fn session_started(&self, session: &NewSession) -> AuditEntry {
        let changes = vec![Change::to(AuditField::Session, &session.id)];
        self.entry(AuditAction::SessionStarted, AuditSubject::User(session.user), changes)
    }

    /// A login was ended.
    pub fn session_ended(&self, user: UserId, session: SessionId) -> AuditEntry {
        self.entry(AuditAction::SessionEnded, AuditSubject::User(user), ended_sessions(&[session]))
    }

    /// All logins of a user were ended.
    pub fn all_sessions_ended(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::AllSessionsEnded, AuditSubject::User(user), ended_sessions(ended))
    }

    /// A refresh token was used again, and its login ended for that.
    pub fn refresh_token_reused(&self, user: UserId, session: SessionId) -> AuditEntry {
        self.entry(AuditAction::RefreshTokenReused, AuditSubject::User(user), ended_sessions(&[session]))
    }
}
