//! The audit entries of sessions.

use super::NewSession;
use crate::{
    SessionId, UserId,
    audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change, ended_sessions},
};

impl Cause {
    /// The entry for a new session.
    pub fn session_started(&self, session: &NewSession) -> AuditEntry {
        let changes = vec![Change::to(AuditField::Session, &session.id)];
        self.entry(AuditAction::SessionStarted, AuditSubject::User(session.user), changes)
    }

    /// The entry for a session that its user ended.
    pub fn session_ended(&self, user: UserId, session: SessionId) -> AuditEntry {
        self.entry(AuditAction::SessionEnded, AuditSubject::User(user), ended_sessions(&[session]))
    }

    /// The entry for all sessions of a user being ended.
    pub fn all_sessions_ended(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::AllSessionsEnded, AuditSubject::User(user), ended_sessions(ended))
    }

    /// The entry for a reused refresh token, which ended its session.
    pub fn refresh_token_reused(&self, user: UserId, session: SessionId) -> AuditEntry {
        self.entry(AuditAction::RefreshTokenReused, AuditSubject::User(user), ended_sessions(&[session]))
    }
}
