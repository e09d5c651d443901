//! Users and their sessions.

use std::net::Ipv4Addr;

use entrepot_domain::{
    Email, SessionId, Timestamp, UserId, Version,
    auth::{CheckedCredentials, Device, NewSession, PasswordHash, RefreshState, TokenHash},
    user::{NewUser, PersonName, Roles, User},
};

use crate::{at, cause, id};

/// The identifier of the user with that number.
pub fn user_id(n: u128) -> UserId {
    UserId(id(n))
}

/// Parses an email.
pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// Customer number `n`, registered at the start of 2026.
pub fn user(n: u128) -> User {
    User {
        id: user_id(n),
        name: PersonName::parse(&format!("User {n}")).unwrap(),
        email: email(&format!("user{n}@example.com")),
        roles: Roles::CUSTOMER,
        email_verified: false,
        version: Version::FIRST,
        created_at: at(0),
        updated_at: at(0),
    }
}

/// A customer to be inserted: `new_user("ada")` has the email `ada@example.com`. Equal names have equal identifiers.
pub fn new_user(name: &str) -> NewUser {
    // The case of the name is part of the identifier, so that a test can insert the same email in another case for
    // another user.
    let n = name.bytes().fold(1, |n: u128, byte| n.wrapping_mul(257).wrapping_add(u128::from(byte)));
    let user = User { name: PersonName::parse(name).unwrap(), email: email(&format!("{name}@example.com")), ..user(n) };
    let password = password(user.id);
    NewUser { user, password, verification: None }
}

/// The first password hash of a user.
pub fn password(user: UserId) -> PasswordHash {
    PasswordHash(format!("hash of {user}"))
}

/// The identifier of the session with that number.
pub fn session_id(n: u128) -> SessionId {
    SessionId(id(n))
}

/// A session with the refresh token `token`, opened at `created_at` with [`password`] only, which expires after an
/// hour.
pub fn session(n: u128, user: UserId, token: &str, created_at: Timestamp) -> NewSession {
    NewSession {
        id: session_id(n),
        user,
        device: Device { user_agent: Some(format!("agent {n}")), address: Some(Ipv4Addr::LOCALHOST.into()) },
        refresh: RefreshState {
            hash: TokenHash::of(token),
            id: id(n),
            issued_at: created_at,
            expires_at: created_at + chrono::Duration::hours(1),
        },
        checked: CheckedCredentials { password: password(user), second_factor: None },
        new_device_mail: None,
        cause: cause(created_at),
    }
}
