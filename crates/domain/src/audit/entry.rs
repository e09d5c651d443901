//! What the log says.

use std::net::IpAddr;

use uuid::Uuid;

use super::{AuditAction, AuditField, Origin, Who};
use crate::{OrderId, ProductId, SessionId, Timestamp, UserId};

/// Something that was done.
///
/// No password, hash or token is ever in it. When a user is erased, two things are erased with them in the same
/// transaction: what a change of their name or mail address tells of it, before and after, in every entry about them;
/// and the client's address in every entry of what they did, their sign-up included. What stays is that something was
/// changed, all identifiers and what they did: who did what to the shop must be known even when they left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Names it: a `UUIDv7`.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub who: Who,
    /// From where; `None` on the command line.
    pub origin: Option<RecordedOrigin>,
    /// What.
    pub action: AuditAction,
    /// To what.
    pub subject: AuditSubject,
    /// What is different now. Empty where the action says it all, or where a change left everything as it was.
    pub changes: Vec<Change>,
}

/// From where something was asked, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOrigin {
    /// The client's address; `None` once the user whose client it was is erased.
    pub address: Option<IpAddr>,
    /// How answers and logs name the request.
    pub request_id: String,
}

impl From<Origin> for RecordedOrigin {
    fn from(origin: Origin) -> Self {
        Self { address: Some(origin.address), request_id: origin.request_id }
    }
}

/// To what something was done. What is done to a login is done to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSubject {
    /// An account.
    User(UserId),
    /// Something for sale.
    Product(ProductId),
    /// An order.
    Order(OrderId),
}

impl AuditSubject {
    /// What kind of thing it is, as clients and stores know it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Product(_) => "product",
            Self::Order(_) => "order",
        }
    }

    /// Which one.
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(UserId(id)) | Self::Product(ProductId(id)) | Self::Order(OrderId(id)) => id,
        }
    }

    /// The subject of that kind and identifier; `None` if there is no such kind.
    pub fn new(kind: &str, id: Uuid) -> Option<Self> {
        let all = [Self::User(UserId(id)), Self::Product(ProductId(id)), Self::Order(OrderId(id))];
        all.into_iter().find(|subject| subject.kind() == kind)
    }

    /// Whether the values of that field are erased with the subject.
    pub const fn is_personal(self, field: AuditField) -> bool {
        matches!((self, field), (Self::User(_), AuditField::Name | AuditField::Email))
    }
}

/// One thing that is different now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub field: AuditField,
    /// What it was; `None` if there was none, or if it is not known any more.
    pub before: Option<String>,
    /// What it is; `None` if there is none, or if it is not known any more.
    pub after: Option<String>,
}

impl Change {
    /// A value that is new.
    pub fn to(field: AuditField, after: &impl ToString) -> Self {
        Self { field, before: None, after: Some(after.to_string()) }
    }

    /// A value that is no more.
    pub fn from(field: AuditField, before: &impl ToString) -> Self {
        Self { field, before: Some(before.to_string()), after: None }
    }

    /// A value in the place of another; `None` if they are the same.
    pub fn between(field: AuditField, before: &impl ToString, after: &impl ToString) -> Option<Self> {
        let (before, after) = (before.to_string(), after.to_string());
        (before != after).then_some(Self { field, before: Some(before), after: Some(after) })
    }

    /// Changes as a store keeps them: all of them, but personal ones without their values, and the personal ones with
    /// theirs, which are to be erased with the subject.
    pub fn split_personal(changes: &[Self], subject: AuditSubject) -> (Vec<Self>, Vec<Self>) {
        let personal = |change: &&Self| subject.is_personal(change.field);
        let all = changes.iter().map(|change| match change.field {
            field if subject.is_personal(field) => Self { field, before: None, after: None },
            _ => change.clone(),
        });
        (all.collect(), changes.iter().filter(personal).cloned().collect())
    }

    /// The opposite of [`apart`](Self::apart), with what is left of the personal ones.
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
        for subject in [AuditSubject::User(UserId(id)), AuditSubject::Product(ProductId(id))] {
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
        // The name of a product is nobody's.
        let mug = AuditSubject::Product(ProductId(Uuid::from_u128(1)));
        assert_eq!(Change::split_personal(&changes[..1], mug), (changes[..1].to_vec(), vec![]));
    }
}
