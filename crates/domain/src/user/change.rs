//! The decisions to change users.

use super::{Role, Roles, User, UserChange, UserError};
use crate::{Timestamp, Version, password::PasswordHash};

impl User {
    /// Decides on a change of name, email or password, given the present user and the hash of their present password.
    /// Pure: the store that calls it in a transaction writes the result, and checks whether the email is taken.
    ///
    /// Errors: `VersionConflict`, `PasswordChanged`.
    pub fn change(
        &self,
        password: &PasswordHash,
        change: &UserChange,
        expected: Option<Version>,
        at: Timestamp,
    ) -> Result<Self, UserError> {
        self.at_version(expected)?;
        if change.proved.as_ref().is_some_and(|proved| proved != password) {
            return Err(UserError::PasswordChanged);
        }
        let email = change.email.as_ref().unwrap_or(&self.email);
        Ok(Self {
            name: change.name.as_ref().unwrap_or(&self.name).clone(),
            email: email.clone(),
            email_verified: self.email_verified && *email == self.email,
            version: self.version.next(),
            updated_at: at,
            ..self.clone()
        })
    }

    /// Decides on the verification of the present email. `None` if it is verified already.
    pub fn verify_email(&self, at: Timestamp) -> Option<Self> {
        let verified = Self { email_verified: true, version: self.version.next(), updated_at: at, ..self.clone() };
        (!self.email_verified).then_some(verified)
    }

    /// Decides on a change of roles. `other_admins` says whether there is another admin.
    ///
    /// Errors: `VersionConflict`, `LastAdmin`.
    pub fn change_roles(
        &self,
        roles: Roles,
        other_admins: bool,
        expected: Option<Version>,
        at: Timestamp,
    ) -> Result<Self, UserError> {
        self.at_version(expected)?;
        if !roles.contains(Role::Admin) {
            self.may_leave_admins(other_admins)?;
        }
        Ok(Self { roles, version: self.version.next(), updated_at: at, ..self.clone() })
    }

    /// Decides whether the user may be erased. `other_admins` says whether there is another admin.
    ///
    /// Errors: `VersionConflict`, `LastAdmin`.
    pub fn may_be_erased(&self, other_admins: bool, expected: Option<Version>) -> Result<(), UserError> {
        self.at_version(expected)?;
        self.may_leave_admins(other_admins)
    }

    fn at_version(&self, expected: Option<Version>) -> Result<(), UserError> {
        if self.version.satisfies(expected) { Ok(()) } else { Err(UserError::VersionConflict) }
    }

    const fn may_leave_admins(&self, other_admins: bool) -> Result<(), UserError> {
        if self.roles.contains(Role::Admin) && !other_admins { Err(UserError::LastAdmin) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Email, UserId, user::PersonName};

    fn user(roles: &[Role]) -> User {
        User {
            id: UserId(Uuid::from_u128(1)),
            name: PersonName::parse("Ada").unwrap(),
            email: Email::parse("ada@example.com").unwrap(),
            roles: Roles::new(roles.iter().copied()).unwrap(),
            email_verified: true,
            version: Version(3),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn hash(text: &str) -> PasswordHash {
        PasswordHash(text.to_owned())
    }

    fn now() -> Timestamp {
        Timestamp::from_timestamp_millis(1_000).unwrap()
    }

    #[test]
    fn change_sets_the_given_fields_and_increments_the_version() {
        let was = user(&[Role::Customer]);
        let change = UserChange { name: Some(PersonName::parse("Countess").unwrap()), ..UserChange::default() };
        let is = was.change(&hash("present"), &change, Some(Version(3)), now()).unwrap();
        let name = PersonName::parse("Countess").unwrap();
        assert_eq!(is, User { name, version: Version(4), updated_at: now(), ..was.clone() });
        let nothing = was.change(&hash("present"), &UserChange::default(), None, now()).unwrap();
        assert_eq!(nothing, User { version: Version(4), updated_at: now(), ..was });
    }

    #[test]
    fn changed_email_is_unverified() {
        let was = user(&[Role::Customer]);
        for (address, verified) in [("ada@example.com", true), ("ADA@example.com", false), ("b@example.com", false)] {
            let change = UserChange { email: Some(Email::parse(address).unwrap()), ..UserChange::default() };
            let is = was.change(&hash("present"), &change, None, now()).unwrap();
            assert_eq!((is.email.as_str(), is.email_verified), (address, verified));
            let again = User { email_verified: false, ..was.clone() }.change(&hash("present"), &change, None, now());
            assert!(!again.unwrap().email_verified);
        }
    }

    #[test]
    fn email_is_verified_once() {
        let was = User { email_verified: false, ..user(&[Role::Customer]) };
        let is = was.verify_email(now()).unwrap();
        assert_eq!(is, User { email_verified: true, version: Version(4), updated_at: now(), ..was });
        assert_eq!(is.verify_email(now()), None);
    }

    #[test]
    fn stale_version_is_refused_before_other_errors() {
        let admin = user(&[Role::Admin]);
        let change = UserChange { proved: Some(hash("old")), ..UserChange::default() };
        let stale = Some(Version(2));
        for refused in [
            admin.change(&hash("present"), &change, stale, now()).map(drop),
            admin.change_roles(Roles::CUSTOMER, false, stale, now()).map(drop),
            admin.may_be_erased(false, stale),
        ] {
            assert!(matches!(refused, Err(UserError::VersionConflict)), "{refused:?}");
        }
    }

    #[test]
    fn checked_password_must_be_the_present_one() {
        let proved = |text| UserChange { proved: Some(hash(text)), ..UserChange::default() };
        let was = user(&[Role::Customer]);
        assert!(was.change(&hash("present"), &proved("present"), None, now()).is_ok());
        let refused = was.change(&hash("present"), &proved("old"), None, now());
        assert!(matches!(refused, Err(UserError::PasswordChanged)), "{refused:?}");
    }

    #[test]
    fn last_admin_cannot_be_removed() {
        let (admin, customer) = (user(&[Role::Customer, Role::Admin]), user(&[Role::Customer]));
        let refused = admin.change_roles(Roles::CUSTOMER, false, None, now());
        assert!(matches!(refused, Err(UserError::LastAdmin)), "{refused:?}");
        assert!(matches!(admin.may_be_erased(false, None), Err(UserError::LastAdmin)));
        assert!(admin.may_be_erased(true, None).is_ok() && customer.may_be_erased(false, None).is_ok());

        let demoted = admin.change_roles(Roles::CUSTOMER, true, None, now()).unwrap();
        assert_eq!(demoted, User { roles: Roles::CUSTOMER, version: Version(4), updated_at: now(), ..admin.clone() });
        let still_admin = Roles::new([Role::Admin]).unwrap();
        assert_eq!(admin.change_roles(still_admin, false, None, now()).unwrap().roles, still_admin);
        assert_eq!(customer.change_roles(still_admin, false, None, now()).unwrap().roles, still_admin);
    }
}
