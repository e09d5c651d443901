//! API keys.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{sync::Arc, sync::Mutex, time::Duration};

use common::{by_key, customer, ids, now, origin, user_id};
use entrepot_application::{
    Error,
    api_key::{ApiKeyPorts, ApiKeyRequest, ApiKeyService},
};
use entrepot_domain::{
    ApiKeyId, Clock, Fault, Timestamp,
    api_key::{ApiKeyError, ApiKeyName, ApiKeySecret, KeyAccess, MockApiKeyRepository, MockRandomness, Scope, Scopes},
    audit::Who,
    auth::{Proof, TokenHash},
    user::{Role, Roles},
};
use futures_executor::block_on;
use uuid::Uuid;

/// A clock that a test advances.
struct Movable(Mutex<Timestamp>);

impl Clock for Movable {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn at(clock: &Arc<Movable>, keys: MockApiKeyRepository) -> ApiKeyService {
    let mut random = MockRandomness::new();
    random.expect_bytes().returning(|| Ok([7; 32]));
    ApiKeyService::new(ApiKeyPorts { keys: Arc::new(keys), random: Arc::new(random), clock: clock.clone(), ids: ids() })
}

fn service(keys: MockApiKeyRepository) -> ApiKeyService {
    at(&Arc::new(Movable(Mutex::new(now()))), keys)
}

fn secret() -> ApiKeySecret {
    ApiKeySecret::from_random([7; 32])
}

fn scopes() -> Scopes {
    Scopes::new([Scope::OrdersRead]).unwrap()
}

fn access() -> KeyAccess {
    KeyAccess {
        key: ApiKeyId(Uuid::from_u128(5)),
        user: user_id(1),
        roles: Roles::new([Role::Staff]).unwrap(),
        scopes: scopes(),
        hash: secret().hash(),
        expires_at: None,
    }
}

fn known(access: KeyAccess) -> MockApiKeyRepository {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_access().withf(|prefix| *prefix == secret().prefix()).returning(move |_| Ok(Some(access)));
    keys
}

fn request(expires_at: Option<Timestamp>) -> ApiKeyRequest {
    ApiKeyRequest { name: ApiKeyName::parse("till").unwrap(), scopes: scopes(), expires_at }
}

#[test]
fn key_is_stored_as_a_hash_and_returned_once() {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_insert()
        .withf(|new, most, cause| {
            let own = new.key.user == user_id(1) && cause.who == Who::from(&customer(1));
            *most == 50 && own && new.hash == TokenHash::of(secret().expose())
        })
        .times(1)
        .returning(|_, _, _| Ok(()));
    let made = block_on(service(keys).create(&customer(1), request(None), &origin())).unwrap();
    assert_eq!(made.secret.expose(), secret().expose());
    assert_eq!((made.key.prefix, made.key.created_at, made.key.last_used_at), (secret().prefix(), now(), None));
}

#[test]
fn key_that_has_expired_already_is_a_validation_error() {
    let made = block_on(service(MockApiKeyRepository::new()).create(&customer(1), request(Some(now())), &origin()));
    let Err(Error::Validation(fields)) = made else { panic!("{made:?}") };
    assert_eq!(fields[0].field, "expiresAt");
}

#[test]
fn too_many_keys_are_refused() {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_insert().returning(|_, _, _| Err(ApiKeyError::TooMany));
    let made = block_on(service(keys).create(&customer(1), request(None), &origin()));
    assert_eq!(made.unwrap_err().code(), "too_many_api_keys");
}

#[test]
fn api_keys_cannot_manage_api_keys() {
    let (service, machine) = (service(MockApiKeyRepository::new()), by_key(customer(1), &Scope::ALL));
    let id = ApiKeyId(Uuid::nil());
    for refused in [
        block_on(service.create(&machine, request(None), &origin())).map(drop),
        block_on(service.list(&machine)).map(drop),
        block_on(service.revoke(&machine, id, &origin())),
    ] {
        assert!(matches!(refused, Err(Error::LoginRequired)), "{refused:?}");
    }
}

#[test]
fn keys_of_others_are_not_found() {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_revoke().returning(|_, _, _| Ok(None));
    assert!(matches!(
        block_on(service(keys).revoke(&customer(1), ApiKeyId(Uuid::nil()), &origin())),
        Err(Error::NotFound)
    ));
}

#[test]
fn key_acts_for_its_user_with_their_present_roles() {
    let authenticated = block_on(service(known(access())).authenticate(secret().expose())).unwrap();
    assert_eq!(authenticated.actor.user, user_id(1));
    assert_eq!(authenticated.actor.proof, Proof::ApiKey { id: access().key, scopes: scopes() });
    assert!(authenticated.actor.is_staff() && !authenticated.actor.has(Scope::OrdersWrite));
}

#[test]
fn prefix_alone_does_not_authenticate() {
    let other = KeyAccess { hash: TokenHash::of("another"), ..access() };
    let mut unknown = MockApiKeyRepository::new();
    unknown.expect_access().returning(|_| Ok(None));
    for keys in [known(other), unknown] {
        assert!(matches!(block_on(service(keys).authenticate(secret().expose())), Err(Error::InvalidToken)));
    }
    // A malformed key is not looked up.
    assert!(matches!(block_on(service(MockApiKeyRepository::new()).authenticate("ek_x")), Err(Error::InvalidToken)));
}

#[test]
fn only_the_holder_learns_that_a_key_has_expired() {
    let expired = KeyAccess { expires_at: Some(now()), ..access() };
    assert!(matches!(block_on(service(known(expired)).authenticate(secret().expose())), Err(Error::TokenExpired)));
    let guessed = KeyAccess { hash: TokenHash::of("another"), ..expired };
    assert!(matches!(block_on(service(known(guessed)).authenticate(secret().expose())), Err(Error::InvalidToken)));
    let soon = KeyAccess { expires_at: Some(now() + Duration::from_millis(1)), ..access() };
    block_on(service(known(soon)).authenticate(secret().expose())).unwrap();
}

#[test]
fn use_is_recorded_at_most_once_per_minute() {
    let clock = Arc::new(Movable(Mutex::new(now())));
    let service = at(&clock, known(access()));
    let should_record_use = |seconds| {
        *clock.0.lock().unwrap() = now() + Duration::from_secs(seconds);
        block_on(service.authenticate(secret().expose())).unwrap().should_record_use
    };
    assert_eq!([0, 1, 59, 60, 61, 119, 120].map(should_record_use), [true, false, false, true, false, false, true]);
}

#[test]
fn unavailable_store_is_not_an_invalid_key() {
    let mut keys = MockApiKeyRepository::new();
    keys.expect_access().returning(|_| Err(Fault::unavailable("postgres", std::io::Error::other("gone"))));
    assert_eq!(block_on(service(keys).authenticate(secret().expose())).unwrap_err().code(), "unavailable");
}
