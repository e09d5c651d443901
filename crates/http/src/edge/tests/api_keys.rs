//! Tests of API keys.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{http::Method, test::TestRequest};
use entrepot_domain::{
    ApiKeyId, Fault, RateLimitDecision, Subject, UserId,
    api_key::{ApiKeySecret, KeyAccess, Scope, Scopes},
    user::{Role, Roles},
};
use uuid::Uuid;

use super::{get, odd};
use crate::testing::{Mocks, ask, ask_with, by, now};

const ID: ApiKeyId = ApiKeyId(Uuid::from_u128(5));

fn key() -> ApiKeySecret {
    ApiKeySecret::from_random([7; 32])
}

/// A store in which the key is valid, and its user is staff.
fn mocks(scopes: &[Scope]) -> Mocks {
    let access = KeyAccess {
        key: ID,
        user: UserId(Uuid::from_u128(1)),
        roles: Roles::new([Role::Staff]).unwrap(),
        scopes: Scopes::new(scopes.iter().copied()).unwrap(),
        hash: key().hash(),
        expires_at: None,
    };
    let mut mocks = Mocks::default();
    mocks.api_keys.expect_access().returning(move |prefix| Ok((prefix == key().prefix()).then_some(access)));
    mocks.api_keys.expect_used().returning(|_, _| Ok(()));
    mocks
}

fn request(method: Method, path: &str) -> TestRequest {
    by(key().expose(), TestRequest::with_uri(path).method(method).peer_addr("192.0.2.1:5000".parse().unwrap()))
}

#[actix_web::test]
async fn route_without_api_keys_requires_a_login() {
    let state = mocks(&Scope::ALL).state();
    for (method, path) in [
        (Method::GET, "/api/v1/auth/sessions"),
        (Method::DELETE, "/api/v1/auth/sessions"),
        (Method::GET, "/api/v1/auth/api-keys"),
        (Method::POST, "/api/v1/auth/api-keys"),
        (Method::PATCH, "/api/v1/users/00000000-0000-0000-0000-000000000001"),
    ] {
        let answer = ask(&state, request(method, path)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &"login_required".into()), "{path}");
    }
}

#[actix_web::test]
async fn missing_scope_is_named() {
    let state = mocks(&[Scope::UsersRead]).state();
    let answer = ask(&state, request(Method::GET, "/api/v1/orders")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &"insufficient_scope".into()));
    let challenge = r#"Bearer realm="entrepot", error="insufficient_scope", scope="orders:read""#;
    assert_eq!(answer.header("www-authenticate"), challenge);
}

async fn counted_as(mocks: Mocks, subject: Subject, request: TestRequest) {
    let mut mocks = mocks;
    let decision = RateLimitDecision { allowed: false, remaining: 0, resets_in: std::time::Duration::from_mins(1) };
    mocks.limiter.expect_hit().withf(move |counted, _| *counted == subject).times(1).return_const(decision);
    assert_eq!(ask_with(&mocks.state(), odd, request).await.status, 429);
}

#[actix_web::test]
async fn valid_key_has_its_own_rate_limit_and_invalid_ones_count_for_the_address() {
    let path = "/api/v1/things/1";
    counted_as(mocks(&[Scope::UsersRead]), Subject::ApiKey(ID), request(Method::GET, path)).await;
    let address = Subject::Address("192.0.2.1".parse().unwrap());
    let from = || get(path).peer_addr("192.0.2.1:5000".parse().unwrap());
    let unknown = ApiKeySecret::from_random([8; 32]);
    let same_prefix = format!("{}{}", key().prefix(), "x".repeat(33));
    for bad in [unknown.expose(), same_prefix.as_str(), "ek_short", "ek_"] {
        counted_as(mocks(&Scope::ALL), address.clone(), by(bad, from())).await;
    }
}

#[actix_web::test]
async fn unknown_key_is_refused() {
    let mut mocks = mocks(&Scope::ALL);
    mocks.api_keys.checkpoint();
    mocks.api_keys.expect_access().returning(|_| Ok(None));
    let state = mocks.state();
    for token in [key().expose(), "ek_short"] {
        let answer = ask(&state, by(token, get("/api/v1/users/me"))).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (401, &"invalid_token".into()));
        assert!(!answer.body.windows(3).any(|part| part == b"ek_"));
    }
}

#[actix_web::test]
async fn expired_key_is_refused_as_expired() {
    let mut mocks = Mocks::default();
    let access = KeyAccess {
        key: ID,
        user: UserId(Uuid::from_u128(1)),
        roles: Roles::CUSTOMER,
        scopes: Scopes::new(Scope::ALL).unwrap(),
        hash: key().hash(),
        expires_at: Some(now()),
    };
    mocks.api_keys.expect_access().returning(move |_| Ok(Some(access)));
    let answer = ask(&mocks.state(), request(Method::GET, "/api/v1/users/me")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (401, &"token_expired".into()));
}

#[actix_web::test]
async fn unavailable_store_is_a_503_and_open_routes_still_work() {
    let mut mocks = Mocks::default();
    mocks.api_keys.expect_access().returning(|_| Err(Fault::unavailable("postgres", anyhow::anyhow!("gone"))));
    let state = mocks.state();
    let answer = ask(&state, request(Method::GET, "/api/v1/users/me")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (503, &"unavailable".into()));
    assert_eq!(ask_with(&state, odd, request(Method::GET, "/api/v1/odd/chatty")).await.status, 204);
}

#[actix_web::test]
async fn use_of_a_key_is_recorded_in_the_background_and_not_each_time() {
    static NOTED: AtomicUsize = AtomicUsize::new(0);
    let mut mocks = mocks(&[Scope::UsersRead]);
    mocks.api_keys.checkpoint();
    let access = KeyAccess {
        key: ID,
        user: UserId(Uuid::from_u128(1)),
        roles: Roles::CUSTOMER,
        scopes: Scopes::new(Scope::ALL).unwrap(),
        hash: key().hash(),
        expires_at: None,
    };
    mocks.api_keys.expect_access().returning(move |_| Ok(Some(access)));
    mocks.api_keys.expect_used().withf(|key, at| *key == ID && *at == now()).returning(|_, _| {
        NOTED.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let state = mocks.state();
    for _ in 0..3 {
        assert_eq!(ask_with(&state, odd, request(Method::GET, "/api/v1/odd/chatty")).await.status, 204);
    }
    while NOTED.load(Ordering::SeqCst) == 0 {
        actix_web::rt::task::yield_now().await;
    }
    assert_eq!(NOTED.load(Ordering::SeqCst), 1);
}
