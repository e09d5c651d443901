//! Refreshing tokens, and logout.

use std::time::Duration;

use entrepot_application::Error;
use entrepot_domain::auth::{RefreshClaims, RefreshState, RotateError, Rotated, TokenError, TokenHash};
use futures_executor::block_on;
use uuid::Uuid;

use crate::{
    Mocks,
    common::{now, origin, session_id, user, user_id},
};

fn shown() -> RefreshClaims {
    RefreshClaims {
        user: user_id(1),
        session: session_id(5),
        id: Uuid::from_u128(3),
        issued_at: now(),
        expires_at: now(),
    }
}

#[test]
fn refresh_within_the_grace_signs_the_same_successor() {
    let successor = RefreshState {
        hash: TokenHash::of(&format!("refresh {}", Uuid::from_u128(42))),
        id: Uuid::from_u128(42),
        issued_at: now() - chrono::TimeDelta::seconds(2),
        expires_at: now() + chrono::TimeDelta::minutes(5),
    };
    let mut mocks = Mocks::default().signs();
    mocks.tokens.expect_verify_refresh().returning(|_, _| Ok(shown()));
    mocks.users.expect_find().returning(|_| Ok(Some(user(1))));
    let given = successor.clone();
    mocks
        .sessions
        .expect_rotate()
        .withf(|rotation| rotation.presented == TokenHash::of("old") && rotation.grace == Duration::from_secs(10))
        .returning(move |_| Ok(Rotated { user: user_id(1), refresh: given.clone() }));
    let pair = block_on(mocks.service().refresh("old", &origin())).unwrap();
    assert_eq!(pair.refresh_token, format!("refresh {}", successor.id));
    // An access token does not outlive its session, which expires in five minutes here.
    assert!(pair.expires_in <= Duration::from_mins(6), "{:?}", pair.expires_in);
}

/// The key changed between the rotation and the second request for its successor.
#[test]
fn successor_is_signed_with_its_former_key_or_refused() {
    for (signed, told) in [(Some("successor"), Ok("successor")), (None, Err("invalid_token"))] {
        let hash = TokenHash::of("successor");
        let successor = RefreshState { hash, id: Uuid::from_u128(42), issued_at: now(), expires_at: now() };
        let mut mocks = Mocks::default().signs();
        mocks.tokens.expect_verify_refresh().returning(|_, _| Ok(shown()));
        mocks.users.expect_find().returning(|_| Ok(Some(user(1))));
        mocks.sessions.expect_rotate().return_once(move |_| Ok(Rotated { user: user_id(1), refresh: successor }));
        mocks
            .tokens
            .expect_refresh_again()
            .withf(move |claims, of| claims.id == Uuid::from_u128(42) && *of == hash)
            .times(1)
            .return_once(move |_, _| Ok(signed.map(str::to_owned)));
        let pair = block_on(mocks.service().refresh("old", &origin()));
        assert_eq!(pair.as_ref().map(|pair| pair.refresh_token.as_str()).map_err(Error::code), told);
    }
}

#[test]
fn ended_and_reused_refresh_tokens_have_their_own_errors() {
    for (error, code) in [(RotateError::Ended, "invalid_token"), (RotateError::Reused, "refresh_token_reused")] {
        let mut mocks = Mocks::default().signs();
        mocks.tokens.expect_verify_refresh().returning(|_, _| Ok(shown()));
        mocks.users.expect_find().returning(|_| Ok(Some(user(1))));
        mocks.sessions.expect_rotate().return_once(move |_| Err(error));
        assert_eq!(block_on(mocks.service().refresh("old", &origin())).unwrap_err().code(), code);
    }
}

#[test]
fn logout_succeeds_twice_and_late_but_not_with_a_forged_token() {
    for (token, ok) in [(Ok(shown()), true), (Err(TokenError::Expired), true), (Err(TokenError::Invalid), false)] {
        let mut mocks = Mocks::default();
        mocks.sessions.expect_end().returning(|_, _, _| Ok(false));
        mocks.tokens.expect_verify_refresh().return_once(move |_, _| token);
        assert_eq!(block_on(mocks.service().logout("token", &origin())).is_ok(), ok);
    }
}
