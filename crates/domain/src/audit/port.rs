//! The reader of the audit log.

use async_trait::async_trait;
use uuid::Uuid;

use super::{AuditAction, AuditEntry};
use crate::{Fault, Listing, Sort, SortField, SortValue, Timestamp, UserId, Window};

/// The filter of a list of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Actions of this user.
    pub actor: Option<UserId>,
    pub action: Option<AuditAction>,
    /// Actions on the user, product or order with this identifier.
    pub subject: Option<Uuid>,
    /// Entries of this time or later.
    pub from: Option<Timestamp>,
    /// Entries of this time or earlier.
    pub to: Option<Timestamp>,
}

/// The sort keys of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSort {
    CreatedAt,
}

impl SortField for AuditSort {
    type Item = AuditEntry;

    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt)];

    fn value(self, entry: &AuditEntry) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Time(entry.at),
        }
    }

    fn id(entry: &AuditEntry) -> Uuid {
        entry.id
    }
}

/// A query of the log.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    pub filter: AuditFilter,
    pub sort: Sort<AuditSort>,
    pub window: Window,
}

/// Reads the audit log. It has no method that writes: each entry is written by the port that makes its change, in the
/// same transaction. Stores refuse to update or delete entries, except for the erasure of a user.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Lists entries, in the order of `query.sort`.
    async fn list(&self, query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault>;
}
