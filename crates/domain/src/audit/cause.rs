//! The context of an audited change.

use uuid::Uuid;

use super::{AuditAction, AuditEntry, AuditSubject, Change, Origin, RecordedOrigin, Who};
use crate::Timestamp;

/// The context of an audited change, which its entries have in common. Every method of a port that makes an audited
/// change takes one, and writes the entries in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The identifier of the first entry: a `UUIDv7`.
    pub id: Uuid,
    /// The time of the change and of its entries.
    pub at: Timestamp,
    pub who: Who,
    /// Where the request came from; `None` on the command line.
    pub origin: Option<Origin>,
}

impl Cause {
    /// Creates the only entry of a change.
    pub fn entry(&self, action: AuditAction, subject: AuditSubject, changes: Vec<Change>) -> AuditEntry {
        self.entry_number(0, action, subject, changes)
    }

    /// Creates one of several entries. Each identifier is greater by one than the previous one, as RFC 9562 6.2 (method
    /// 2) does for identifiers of the same time.
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
