//! Valid and invalid tokens.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{at, refresh_claims};
use entrepot_domain::{
    Email, SessionId, UserId,
    auth::{AccessClaims, TokenError, TokenIssuer},
    user::{Role, Roles},
};
use entrepot_security::{JwtIssuer, JwtKeys};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

const ACCESS_KEY: &[u8] = b"an access key of thirty-two bytes";
const REFRESH_KEY: &[u8] = b"a refresh key of thirty-two bytes";

fn issuer() -> JwtIssuer {
    issuer_of(ACCESS_KEY, REFRESH_KEY)
}

fn issuer_of(access: &[u8], refresh: &[u8]) -> JwtIssuer {
    let keys = JwtKeys { private: &[], access: vec![access], refresh: vec![refresh] };
    JwtIssuer::new(&keys, "entrepot", "entrepot-api")
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId(Uuid::from_u128(1)),
        email: Email::parse("ada@example.com").unwrap(),
        roles: Roles::new([Role::Customer, Role::Staff]).unwrap(),
        session: SessionId(Uuid::from_u128(2)),
        id: Uuid::from_u128(3),
        issued_at: at(0),
        expires_at: at(900),
    }
}

/// The claims of a valid access token.
fn body() -> Value {
    let token = issuer().access(&claims()).unwrap();
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn forge(alg: Algorithm, typ: &str, body: &Value, key: &[u8]) -> String {
    let header = Header { typ: Some(typ.into()), ..Header::new(alg) };
    encode(&header, body, &EncodingKey::from_secret(key)).unwrap()
}

fn verify(token: &str) -> Result<AccessClaims, TokenError> {
    issuer().verify_access(token, at(1))
}

#[test]
fn signed_token_is_verified() {
    let token = issuer().access(&claims()).unwrap();
    assert_eq!(verify(&token), Ok(claims()));
    let token = issuer().refresh(&refresh_claims()).unwrap();
    assert_eq!(issuer().verify_refresh(&token, at(1)), Ok(refresh_claims()));
}

#[test]
fn access_token_has_the_claims_of_the_contract() {
    let body = body();
    for claim in ["sub", "email", "roles", "sid", "jti", "iat", "nbf", "exp", "iss", "aud"] {
        assert!(!body[claim].is_null(), "{claim}");
    }
    assert_eq!(body["roles"], json!(["customer", "staff"]));
    assert_eq!(body["exp"].as_i64().unwrap() - body["iat"].as_i64().unwrap(), 900);
}

#[test]
fn equal_claims_give_equal_refresh_tokens() {
    assert_eq!(issuer().refresh(&refresh_claims()).unwrap(), issuer().refresh(&refresh_claims()).unwrap());
}

#[test]
fn token_expires_to_the_second() {
    let token = issuer().access(&claims()).unwrap();
    assert!(issuer().verify_access(&token, at(899)).is_ok());
    assert_eq!(issuer().verify_access(&token, at(900)), Err(TokenError::Expired));
}

/// Signed by another instance, or by this one before its clock was set back.
#[test]
fn token_from_a_clock_that_is_30_s_ahead_is_accepted() {
    let access = issuer().access(&claims()).unwrap();
    let refresh = issuer().refresh(&refresh_claims()).unwrap();
    for ahead in [1, 30] {
        assert!(issuer().verify_access(&access, at(-ahead)).is_ok(), "{ahead}");
        assert!(issuer().verify_refresh(&refresh, at(-ahead)).is_ok(), "{ahead}");
    }
    assert_eq!(issuer().verify_access(&access, at(-31)), Err(TokenError::Invalid));
    assert_eq!(issuer().verify_refresh(&refresh, at(-31)), Err(TokenError::Invalid));
}

#[test]
fn iat_in_the_future_is_accepted() {
    let mut body = body();
    body["iat"] = json!(at(3_600).timestamp());
    assert!(verify(&forge(Algorithm::HS256, "at+jwt", &body, ACCESS_KEY)).is_ok());
}

#[test]
fn access_and_refresh_tokens_are_not_interchangeable() {
    let access = issuer().access(&claims()).unwrap();
    let refresh = issuer().refresh(&refresh_claims()).unwrap();
    assert_eq!(verify(&refresh), Err(TokenError::Invalid));
    assert_eq!(issuer().verify_refresh(&access, at(1)), Err(TokenError::Invalid));
    // Also if the keys are equal, because the type differs.
    let one_key = issuer_of(ACCESS_KEY, ACCESS_KEY);
    let access = one_key.access(&claims()).unwrap();
    assert_eq!(one_key.verify_refresh(&access, at(1)), Err(TokenError::Invalid));
}

#[test]
fn other_algorithms_and_keys_are_refused() {
    assert!(verify(&forge(Algorithm::HS256, "at+jwt", &body(), ACCESS_KEY)).is_ok());
    assert!(verify(&forge(Algorithm::HS512, "at+jwt", &body(), ACCESS_KEY)).is_err());
    assert!(verify(&forge(Algorithm::HS256, "at+jwt", &body(), REFRESH_KEY)).is_err());
    assert!(verify(&forge(Algorithm::HS256, "JWT", &body(), ACCESS_KEY)).is_err());
    for alg in ["none", "None", "NONE", "RS256", "HS256 "] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "at+jwt"}).to_string());
        let body = URL_SAFE_NO_PAD.encode(body().to_string());
        for signature in ["", "AAAA"] {
            assert!(verify(&format!("{header}.{body}.{signature}")).is_err(), "{alg}");
        }
    }
}

#[test]
fn every_claim_is_required_and_typed() {
    let honest = body();
    for claim in honest.as_object().unwrap().keys() {
        let mut missing = honest.clone();
        missing.as_object_mut().unwrap().remove(claim);
        assert!(verify(&forge(Algorithm::HS256, "at+jwt", &missing, ACCESS_KEY)).is_err(), "without {claim}");
        for wrong in [json!(null), json!({}), json!([["x"]]), json!(true), json!(-1.5), json!("x")] {
            let mut mistyped = honest.clone();
            mistyped[claim] = wrong.clone();
            let token = forge(Algorithm::HS256, "at+jwt", &mistyped, ACCESS_KEY);
            assert!(verify(&token).is_err(), "{claim} = {wrong}");
        }
    }
}

#[test]
fn wrong_issuer_audience_and_times_are_refused() {
    for (claim, wrong) in [
        ("iss", json!("somebody")),
        ("aud", json!("other-api")),
        ("aud", json!(["entrepot-api"])),
        ("nbf", json!(at(60).timestamp())),
        ("exp", json!(i64::MAX)),
        ("roles", json!(["root"])),
        ("roles", json!([])),
    ] {
        let mut body = body();
        body[claim] = wrong;
        let token = forge(Algorithm::HS256, "at+jwt", &body, ACCESS_KEY);
        assert_eq!(verify(&token), Err(TokenError::Invalid), "{claim}");
    }
}

#[test]
fn token_with_a_changed_byte_is_refused() {
    let token = issuer().access(&claims()).unwrap();
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(verify(&changed), Err(TokenError::Invalid), "at {place}");
    }
}

#[test]
fn malformed_tokens_are_refused() {
    let token = issuer().access(&claims()).unwrap();
    for junk in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{token}."),
        format!("{token}A"),
        format!(" {token}"),
        format!("{token}.{token}"),
        "é".repeat(100),
        "A".repeat(100_000),
        format!("{}.{}.{}", "e30", "e30", "e30"),
    ] {
        assert_eq!(verify(&junk), Err(TokenError::Invalid));
    }
}

#[test]
fn keys_are_not_printed() {
    assert!(!format!("{:?}", issuer()).contains("thirty-two"));
}

proptest::proptest! {
    #[test]
    fn random_tokens_are_refused(token in proptest::prop_oneof![".*", "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,80}){0,4}"]) {
        proptest::prop_assert_eq!(verify(&token), Err(TokenError::Invalid));
        proptest::prop_assert!(issuer().verify_refresh(&token, at(1)).is_err());
    }

    #[test]
    fn token_with_a_changed_part_is_refused(
        from in 0..500_usize, length in 0..20_usize, instead in "[A-Za-z0-9_.=-]{0,20}",
    ) {
        let good = issuer().access(&claims()).unwrap();
        let from = from % good.len();
        let until = (from + length).min(good.len());
        let changed = [&good[..from], &instead, &good[until..]].concat();
        let expected = if changed == good { Ok(claims()) } else { Err(TokenError::Invalid) };
        proptest::prop_assert_eq!(verify(&changed), expected);
    }
}
