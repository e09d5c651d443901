//! Sessions and API keys that are cached.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{TTL, filling, invalidating};
use entrepot_cached::{CachedApiKeys, CachedSessions};
use entrepot_domain::{
    ApiKeyId, CacheKey,
    api_key::{ApiKeyRepository, ApiKeySecret, KeyAccess, MockApiKeyRepository, Scope, Scopes},
    auth::{Access, MockSessionRepository, RefreshState, RotateError, Rotation, SessionRepository, TokenHash},
    user::{Role, Roles},
};
use entrepot_testkit::{at, cause, id, session_id, user_id};
use futures_executor::block_on;

fn secret() -> ApiKeySecret {
    ApiKeySecret::from_random([7; 32])
}

fn key_access() -> KeyAccess {
    KeyAccess {
        key: ApiKeyId(id(5)),
        user: user_id(1),
        roles: Roles::new([Role::Staff]).unwrap(),
        scopes: Scopes::new([Scope::OrdersRead]).unwrap(),
        hash: secret().hash(),
        expires_at: Some(at(60)),
    }
}

#[test]
fn session_is_loaded_once_and_comes_back_whole() {
    let access = Access { user: user_id(1), roles: Roles::new([Role::Staff, Role::Admin]).unwrap() };
    let mut sessions = MockSessionRepository::new();
    sessions.expect_access().times(1).returning(move |_, _| Ok(Some(access)));
    let cached = CachedSessions::new(Arc::new(sessions), filling(CacheKey::Access(session_id(5))), TTL);
    for _ in 0..2 {
        assert_eq!(block_on(cached.access(session_id(5), at(0))).unwrap(), Some(access));
    }
}

#[test]
fn reused_refresh_token_invalidates_its_session() {
    let mut sessions = MockSessionRepository::new();
    sessions.expect_rotate().returning(|_| Err(RotateError::Reused));
    let rotation = Rotation {
        session: session_id(5),
        presented: TokenHash::of("old"),
        next: RefreshState { hash: TokenHash::of("new"), id: id(1), issued_at: at(0), expires_at: at(0) },
        cause: cause(at(0)),
        grace: Duration::ZERO,
    };
    let cache = invalidating(vec![CacheKey::Access(session_id(5))]);
    let rotated = block_on(CachedSessions::new(Arc::new(sessions), cache, TTL).rotate(&rotation));
    assert!(matches!(rotated, Err(RotateError::Reused)));
}

#[test]
fn ended_sessions_are_invalidated() {
    let mut sessions = MockSessionRepository::new();
    sessions.expect_end().returning(|_, _, _| Ok(true));
    let cache = invalidating(vec![CacheKey::Access(session_id(5))]);
    let cached = CachedSessions::new(Arc::new(sessions), cache, TTL);
    assert!(block_on(cached.end(user_id(1), session_id(5), &cause(at(0)))).unwrap());

    let mut sessions = MockSessionRepository::new();
    sessions.expect_end_all().returning(|_, _| Ok(vec![session_id(5), session_id(6)]));
    let cache = invalidating(vec![CacheKey::Access(session_id(5)), CacheKey::Access(session_id(6))]);
    block_on(CachedSessions::new(Arc::new(sessions), cache, TTL).end_all(user_id(1), &cause(at(0)))).unwrap();
}

#[test]
fn api_key_is_loaded_once_and_comes_back_whole() {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_access().times(1).returning(|_| Ok(Some(key_access())));
    let cached = CachedApiKeys::new(Arc::new(keys), filling(CacheKey::ApiKey(secret().prefix())), TTL);
    for _ in 0..2 {
        assert_eq!(block_on(cached.access(secret().prefix())).unwrap(), Some(key_access()));
    }
}

#[test]
fn revoked_api_key_is_invalidated_before_the_answer() {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_revoke().returning(|_, _, _| Ok(Some(secret().prefix())));
    let cached = CachedApiKeys::new(Arc::new(keys), invalidating(vec![CacheKey::ApiKey(secret().prefix())]), TTL);
    block_on(cached.revoke(user_id(1), key_access().key, &cause(at(0)))).unwrap();
}
