//! Why something changes.

use uuid::Uuid;

use super::{AuditAction, AuditEntry, AuditSubject, Change, Origin, RecordedOrigin, Who};
use crate::Timestamp;

/// Why something changes: what a change's entries have in common. Every method of a port that changes something which
/// is audited takes one, and writes its entries with the change or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Names the first entry: a `UUIDv7`.
    pub id: Uuid,
    /// When; the moment of the change itself too.
    pub at: Timestamp,
    /// Who asked for it.
    pub who: Who,
    /// From where; `None` on the command line.
    pub origin: Option<Origin>,
}

impl Cause {
    /// The one entry of a change.
    pub fn entry(&self, action: AuditAction, subject: AuditSubject, changes: Vec<Change>) -> AuditEntry {
        self.entry_number(0, action, subject, changes)
    }

    /// One entry of several. Each identifier is greater by one than that before it, which is how RFC 9562 6.2 (method
    /// 2) makes many of one moment.
    pub fn entry_number(
        &self,
        number: u32,
        action: AuditAction,
        subject: AuditSubject,
        changes: Vec<Change>,
    ) -> AuditEntry {
        AuditEntry {
            id: Uuid::from_u128(self.id.as_u128().wrapping_add(u128::from(number))),
            at: self.at,
            who: self.who,
            origin: self.origin.clone().map(RecordedOrigin::from),
            action,
            subject,
            changes,
        }
    }
}
