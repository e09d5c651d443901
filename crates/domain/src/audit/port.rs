//! Where the log is read.

use async_trait::async_trait;
use uuid::Uuid;

use super::{AuditAction, AuditEntry};
use crate::{Fault, Listing, Sort, SortField, SortValue, Timestamp, UserId, Window};

/// Which entries a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What this user did.
    pub actor: Option<UserId>,
    /// Where this was done.
    pub action: Option<AuditAction>,
    /// What was done to the user, product or order with this identifier.
    pub subject: Option<Uuid>,
    /// What was done then or later.
    pub from: Option<Timestamp>,
    /// What was done then or earlier.
    pub to: Option<Timestamp>,
}

/// What entries can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSort {
    /// When it was done.
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

/// A part of the log.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Which.
    pub filter: AuditFilter,
    /// In what order.
    pub sort: Sort<AuditSort>,
    /// Which part.
    pub window: Window,
}

/// Reads the log. It has no method that writes: an entry is written by the port whose change it tells of, in one
/// transaction with it, and the store refuses to change or delete one, but for the erasure of a user.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Lists entries, in the order of `query.sort`.
    async fn list(&self, query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault>;
}
