//! Sessions of access tokens.

use entrepot_application::Error;
use entrepot_domain::{
    Email, Timestamp,
    auth::{Access, AccessClaims},
    user::{Role, Roles},
};
use futures_executor::block_on;
use uuid::Uuid;

use crate::{
    Mocks,
    common::{customer, now, origin, session_id, user_id},
};

fn claims() -> AccessClaims {
    AccessClaims {
        user: user_id(1),
        email: Email::parse("ada@example.com").unwrap(),
        roles: Roles::new([Role::Admin]).unwrap(),
        session: session_id(5),
        id: Uuid::nil(),
        issued_at: Timestamp::default(),
        expires_at: now(),
    }
}

#[test]
fn roles_come_from_the_store_not_from_the_token() {
    let mut mocks = Mocks::default();
    mocks.sessions.expect_access().returning(|_, _| Ok(Some(Access { user: user_id(1), roles: Roles::CUSTOMER })));
    let actor = block_on(mocks.service().authenticate(&claims())).unwrap();
    assert!(!actor.is_admin());
}

#[test]
fn ended_or_foreign_session_is_refused() {
    for access in [None, Some(Access { user: user_id(2), roles: Roles::CUSTOMER })] {
        let mut mocks = Mocks::default();
        mocks.sessions.expect_access().returning(move |_, _| Ok(access));
        assert!(matches!(block_on(mocks.service().authenticate(&claims())), Err(Error::InvalidToken)));
    }
}

#[test]
fn foreign_session_cannot_be_ended() {
    let mut mocks = Mocks::default();
    mocks.sessions.expect_end().returning(|_, _, _| Ok(false));
    let ended = block_on(mocks.service().end_session(&customer(1), session_id(9), &origin()));
    assert!(matches!(ended, Err(Error::NotFound)));
}
