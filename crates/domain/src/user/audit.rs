//! The audit entries of changes of users.

use super::{Role, Roles, User};
use crate::{
    SessionId, UserId,
    audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change, ended_sessions},
};

impl Cause {
    /// The entry for a new account.
    pub fn user_registered(&self, user: &User) -> AuditEntry {
        let changes = vec![
            Change::to(AuditField::Name, &user.name),
            Change::to(AuditField::Email, &user.email),
            Change::to(AuditField::Roles, &names(user.roles)),
        ];
        self.entry(AuditAction::UserRegistered, AuditSubject::User(user.id), changes)
    }

    /// The entries for an updated user: one for name and email, and one for a new password with the sessions that it
    /// ended, if there is one.
    pub fn user_changed(&self, was: &User, is: &User, password: Option<&[SessionId]>) -> Vec<AuditEntry> {
        let subject = AuditSubject::User(is.id);
        let changes: Vec<_> = [
            Change::between(AuditField::Name, &was.name, &is.name),
            Change::between(AuditField::Email, &was.email, &is.email),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut entries = Vec::new();
        if password.is_none() || !changes.is_empty() {
            entries.push(self.entry(AuditAction::UserUpdated, subject, changes));
        }
        if let Some(ended) = password {
            let number = u32::from(!entries.is_empty());
            entries.push(self.entry_number(number, AuditAction::PasswordChanged, subject, ended_sessions(ended)));
        }
        entries
    }

    /// The entry for a verified email.
    pub fn email_verified(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::EmailVerified, AuditSubject::User(user), Vec::new())
    }

    /// The entry for changed roles.
    pub fn roles_changed(&self, was: &User, is: &User) -> AuditEntry {
        let changes = Change::between(AuditField::Roles, &names(was.roles), &names(is.roles)).into_iter().collect();
        self.entry(AuditAction::RolesChanged, AuditSubject::User(is.id), changes)
    }

    /// The entry for an erased account, with its ended sessions. It does not say whose account it was, because that is
    /// erased too.
    pub fn user_deleted(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::UserDeleted, AuditSubject::User(user), ended_sessions(ended))
    }
}

fn names(roles: Roles) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use uuid::Uuid;

    use super::*;
    use crate::{
        Email, Timestamp, Version,
        audit::{Origin, Who},
        user::PersonName,
    };

    fn cause() -> Cause {
        let origin = Origin { address: IpAddr::V4(Ipv4Addr::LOCALHOST), request_id: "request".to_owned() };
        Cause { id: Uuid::from_u128(100), at: Timestamp::default(), who: Who::Anonymous, origin: Some(origin) }
    }

    fn ada() -> User {
        User {
            id: UserId(Uuid::from_u128(1)),
            name: PersonName::parse("Ada").unwrap(),
            email: Email::parse("ada@example.com").unwrap(),
            roles: Roles::CUSTOMER,
            email_verified: false,
            version: Version::FIRST,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn told(entry: &AuditEntry) -> Vec<(&str, Option<&str>, Option<&str>)> {
        let changes = entry.changes.iter();
        changes.map(|change| (change.field.as_str(), change.before.as_deref(), change.after.as_deref())).collect()
    }

    #[test]
    fn entry_contains_only_changed_fields() {
        let is = User { name: PersonName::parse("Countess").unwrap(), version: Version(2), ..ada() };
        let entries = cause().user_changed(&ada(), &is, None);
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry.action, AuditAction::UserUpdated);
        assert_eq!(told(entry), [("name", Some("Ada"), Some("Countess"))]);
        // A change that sets equal values has an entry as well, because it has a version.
        assert_eq!(cause().user_changed(&ada(), &ada(), None).len(), 1);
    }

    #[test]
    fn new_password_has_its_own_entry_with_the_ended_sessions() {
        let session = SessionId(Uuid::from_u128(9));
        let entries = cause().user_changed(&ada(), &ada(), Some(&[session]));
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry.action, AuditAction::PasswordChanged);
        assert_eq!(told(entry), [("session", Some(session.to_string().as_str()), None)]);

        let is = User { email: Email::parse("new@example.com").unwrap(), ..ada() };
        let both = cause().user_changed(&ada(), &is, Some(&[]));
        let ids: Vec<_> = both.iter().map(|entry| entry.id.as_u128()).collect();
        assert_eq!(ids, [100, 101]);
    }

    #[test]
    fn roles_are_recorded_by_name() {
        let is = User { roles: Roles::from_bits(5).unwrap(), ..ada() };
        let entry = cause().roles_changed(&ada(), &is);
        assert_eq!(told(&entry), [("roles", Some("customer"), Some("customer, admin"))]);
    }
}
