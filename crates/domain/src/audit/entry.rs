//! Entries of the audit log.

use std::net::IpAddr;

use uuid::Uuid;

use super::{AuditAction, AuditField, Origin, Who};
use crate::{OrderId, ProductId, SessionId, Timestamp, UserId, WebhookId};

/// An entry of the audit log.
///
/// An entry never contains a password, hash or token. When a user is erased, two things are erased in the same
/// transaction: the values of their name and email, before and after, in every entry about them; and the client's
/// address in every entry of their actions, including their registration. The rest stays, including all identifiers:
/// who changed what must be known also after they left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// A `UUIDv7`.
    pub id: Uuid,
    pub at: Timestamp,
    pub who: Who,
    /// Where the request came from; `None` on the command line.
    pub origin: Option<RecordedOrigin>,
    pub action: AuditAction,
    pub subject: AuditSubject,
    /// The changed values. Empty if the action says everything, or if the values stayed the same.
    pub changes: Vec<Change>,
}

/// The origin of a request, as the log stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOrigin {
    /// The client's address; `None` after the user of that client was erased.
    pub address: Option<IpAddr>,
    /// The identifier of the request in responses and logs.
    pub request_id: String,
}

impl From<Origin> for RecordedOrigin {
    fn from(origin: Origin) -> Self {
        Self { address: Some(origin.address), request_id: origin.request_id }
    }
}

/// The subject of an action. The subject of an action on a session is its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSubject {
    User(UserId),
    Product(ProductId),
    Order(OrderId),
    Webhook(WebhookId),
}

impl AuditSubject {
    /// The kind of the subject, for clients and stores.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Product(_) => "product",
            Self::Order(_) => "order",
            Self::Webhook(_) => "webhook",
        }
    }

    /// The identifier of the subject.
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(UserId(id))
            | Self::Product(ProductId(id))
            | Self::Order(OrderId(id))
            | Self::Webhook(WebhookId(id)) => id,
        }
    }

    /// Creates the subject of this kind and identifier; `None` if there is no such kind.
    pub fn new(kind: &str, id: Uuid) -> Option<Self> {
        let all = [
            Self::User(UserId(id)),
            Self::Product(ProductId(id)),
            Self::Order(OrderId(id)),
            Self::Webhook(WebhookId(id)),
        ];
        all.into_iter().find(|subject| subject.kind() == kind)
    }

    /// Returns whether the values of this field are erased with the subject.
    pub const fn is_personal(self, field: AuditField) -> bool {
        matches!((self, field), (Self::User(_), AuditField::Name | AuditField::Email))
    }
}

/// The change of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub field: AuditField,
    /// The old value; `None` if there was none, or if it was erased.
    pub before: Option<String>,
    /// The new value; `None` if there is none, or if it was erased.
    pub after: Option<String>,
}

impl Change {
    /// A value that was set.
    pub fn to(field: AuditField, after: &impl ToString) -> Self {
        Self { field, before: None, after: Some(after.to_string()) }
    }

    /// A value that was removed.
    pub fn from(field: AuditField, before: &impl ToString) -> Self {
        Self { field, before: Some(before.to_string()), after: None }
    }

    /// A value that was replaced; `None` if both are equal.
    pub fn between(field: AuditField, before: &impl ToString, after: &impl ToString) -> Option<Self> {
        let (before, after) = (before.to_string(), after.to_string());
        (before != after).then_some(Self { field, before: Some(before), after: Some(after) })
    }

    /// Splits changes into all of them, with the values of personal fields left out, and the personal ones with their
    /// values. Stores keep the two apart, so that the second can be erased with the subject.
    pub fn split_personal(changes: &[Self], subject: AuditSubject) -> (Vec<Self>, Vec<Self>) {
        let personal = |change: &&Self| subject.is_personal(change.field);
        let all = changes.iter().map(|change| match change.field {
            field if subject.is_personal(field) => Self { field, before: None, after: None },
            _ => change.clone(),
        });
        (all.collect(), changes.iter().filter(personal).cloned().collect())
    }

    /// The inverse of [`split_personal`](Self::split_personal), with the personal changes that are not erased.
    pub fn merge_personal(all: Vec<Self>, personal: &[Self]) -> Vec<Self> {
        let whole = |change: Self| personal.iter().find(|known| known.field == change.field).cloned().unwrap_or(change);
        all.into_iter().map(whole).collect()
    }
}

/// The changes of an action that ended these sessions.
pub(crate) fn ended_sessions(sessions: &[SessionId]) -> Vec<Change> {
    sessions.iter().map(|id| Change::from(AuditField::Session, id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_parsed_back() {
        let id = Uuid::from_u128(7);
        for subject in [AuditSubject::User(UserId(id)), AuditSubject::Webhook(WebhookId(id))] {
            assert_eq!(AuditSubject::new(subject.kind(), subject.id()), Some(subject));
        }
        assert_eq!(AuditSubject::new("planet", id), None);
    }

    #[test]
    fn equal_values_are_no_change() {
        assert_eq!(Change::between(AuditField::Stock, &7, &7), None);
        let change = Change::between(AuditField::Stock, &7, &8).unwrap();
        assert_eq!((change.before.as_deref(), change.after.as_deref()), (Some("7"), Some("8")));
    }

    #[test]
    fn personal_values_are_split_off_and_can_be_erased() {
        let subject = AuditSubject::User(UserId(Uuid::from_u128(1)));
        let changes = vec![
            Change::to(AuditField::Name, &"Ada"),
            Change::to(AuditField::Roles, &"customer"),
            Change::to(AuditField::Email, &"ada@example.com"),
        ];
        let (all, personal) = Change::split_personal(&changes, subject);
        assert!(!format!("{all:?}").contains("Ada") && !format!("{all:?}").contains("ada@"));
        assert_eq!(Change::merge_personal(all.clone(), &personal), changes);
        let left = Change::merge_personal(all, &[]);
        assert_eq!(left.iter().filter(|change| change.after.is_some()).count(), 1);
        assert_eq!(left.len(), 3);
        // The name of a product is not personal.
        let mug = AuditSubject::Product(ProductId(Uuid::from_u128(1)));
        assert_eq!(Change::split_personal(&changes[..1], mug), (changes[..1].to_vec(), vec![]));
    }
}
