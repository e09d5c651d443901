//! Users and second factors whose changes invalidate sessions and API keys.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::invalidating;
use entrepot_cached::{CachedSecondFactors, CachedUsers};
use entrepot_domain::{
    CacheKey, Fault, MockCache,
    api_key::{ApiKeySecret, MockApiKeyRepository},
    second_factor::{Confirmation, MockSecondFactorRepository, SealedSecret, SecondFactorRepository, TimeStep},
    user::{ChangedUser, MockUserRepository, Roles, UserRepository},
};
use entrepot_testkit::{at, cause, session_id, user, user_id};
use futures_executor::block_on;

#[test]
fn new_roles_invalidate_every_session_and_key() {
    let mut users = MockUserRepository::new();
    users
        .expect_set_roles()
        .returning(|_, _, _, _| Ok(ChangedUser { user: user(1), sessions: vec![session_id(1), session_id(2)] }));
    let prefix = ApiKeySecret::from_random([1; 32]).prefix();
    let mut keys = MockApiKeyRepository::new();
    keys.expect_prefixes().withf(|user| *user == user_id(1)).times(1).returning(move |_| Ok(vec![prefix]));
    let stale = vec![CacheKey::Access(session_id(1)), CacheKey::Access(session_id(2)), CacheKey::ApiKey(prefix)];
    let users = CachedUsers::new(Arc::new(users), Arc::new(keys), invalidating(stale));
    block_on(users.set_roles(user_id(1), Roles::CUSTOMER, None, &cause(at(0)))).unwrap();
}

#[test]
fn cache_is_cleared_if_the_keys_of_a_user_cannot_be_looked_up() {
    let mut users = MockUserRepository::new();
    users.expect_erase().returning(|_, _, _| Ok(Vec::new()));
    let mut keys = MockApiKeyRepository::new();
    keys.expect_prefixes().returning(|_| Err(Fault::unavailable("postgres", std::io::Error::other("gone"))));
    let mut cache = MockCache::new();
    cache.expect_clear().times(1).returning(|| ());
    let users = CachedUsers::new(Arc::new(users), Arc::new(keys), Arc::new(cache));
    block_on(users.erase(user_id(1), None, &cause(at(0)))).unwrap();
}

#[test]
fn second_factor_that_comes_into_force_invalidates_the_sessions_that_it_ends() {
    let mut factors = MockSecondFactorRepository::new();
    factors.expect_confirm().returning(|_, _, _| Ok(Some(vec![session_id(2)])));
    let cached = CachedSecondFactors::new(Arc::new(factors), invalidating(vec![CacheKey::Access(session_id(2))]));
    let confirmation = Confirmation {
        secret: SealedSecret(b"sealed".into()),
        step: TimeStep(1),
        recovery: Vec::new(),
        keep: session_id(1),
    };
    block_on(cached.confirm(user_id(1), &confirmation, &cause(at(0)))).unwrap();
}
