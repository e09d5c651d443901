//! Keys that change while tokens are out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{at, refresh_claims};
use entrepot_domain::{
    Email, SessionId, UserId,
    auth::{AccessClaims, PublicKey, TokenError, TokenHash, TokenIssuer},
    user::{Role, Roles},
};
use entrepot_security::{JwtIssuer, JwtKeys, PrivateKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

const OLD: &[u8] = b"an older key with thirty-two bytes";
const NEW: &[u8] = b"a newer key that has thirty-two bytes";
const REFRESH: &[u8] = b"a refresh key of thirty-two bytes";

fn issuer(private: &[PrivateKey], access: &[&[u8]]) -> JwtIssuer {
    issuer_of(private, access, &[REFRESH])
}

fn issuer_of(private: &[PrivateKey], access: &[&[u8]], refresh: &[&[u8]]) -> JwtIssuer {
    let keys = JwtKeys { private, access: access.to_vec(), refresh: refresh.to_vec() };
    JwtIssuer::new(&keys, "entrepot", "entrepot-api")
}

/// Two keys that openssl made.
fn private(n: usize) -> PrivateKey {
    let keys = [
        "MC4CAQAwBQYDK2VwBCIEIOpLwJkgbERo3B3yp1n5XJChK8hjoVqES9jB1REHTgMW",
        "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC",
    ];
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", keys[n]);
    PrivateKey::from_pem(pem.as_bytes()).unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId(Uuid::from_u128(1)),
        email: Email::parse("ada@example.com").unwrap(),
        roles: Roles::new([Role::Customer]).unwrap(),
        session: SessionId(Uuid::from_u128(2)),
        id: Uuid::from_u128(3),
        issued_at: at(0),
        expires_at: at(900),
    }
}

fn accepts(issuer: &JwtIssuer, token: &str) -> bool {
    match issuer.verify_access(token, at(1)) {
        Ok(read) => read == claims(),
        Err(error) => {
            assert_eq!(error, TokenError::Invalid);
            false
        }
    }
}

fn kid(token: &str) -> Option<String> {
    decode_header(token).unwrap().kid
}

/// The token with another header, signed anew with HS256.
fn forged(token: &str, header: &Value, key: &[u8]) -> String {
    let claims = token.split('.').nth(1).unwrap();
    let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_string()));
    let secret = EncodingKey::from_secret(key);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn first_key_signs_and_all_keys_verify() {
    let (before, between, after) = (issuer(&[], &[OLD]), issuer(&[], &[NEW, OLD]), issuer(&[], &[NEW]));
    let (old, new) = (before.access(&claims()).unwrap(), between.access(&claims()).unwrap());
    assert_ne!(kid(&old), kid(&new));
    assert!(accepts(&between, &old) && accepts(&between, &new) && accepts(&after, &new));
    assert!(!accepts(&before, &new) && !accepts(&after, &old));
    assert_eq!(after.access(&claims()).unwrap(), new);
}

#[test]
fn refresh_tokens_are_valid_while_their_key_is_configured() {
    let (before, between) = (issuer_of(&[], &[OLD], &[REFRESH]), issuer_of(&[], &[OLD], &[NEW, REFRESH]));
    let old = before.refresh(&refresh_claims()).unwrap();
    assert_eq!(between.verify_refresh(&old, at(1)), Ok(refresh_claims()));
    assert_ne!(between.refresh(&refresh_claims()).unwrap(), old);
    // What was signed before is signed again with the key that signed it then.
    let again = |issuer: &JwtIssuer| issuer.refresh_again(&refresh_claims(), &TokenHash::of(&old)).unwrap();
    assert_eq!(again(&between), Some(old.clone()));
    assert_eq!(again(&issuer_of(&[], &[OLD], &[NEW])), None);
}

#[test]
fn token_without_a_kid_is_verified_with_every_secret() {
    let issuer = issuer(&[private(0)], &[NEW, OLD]);
    let token = issuer.access(&claims()).unwrap();
    // As this crate wrote headers before keys had names.
    let header = r#"{"typ":"at+jwt","alg":"HS256"}"#;
    for (key, is_ours) in [(NEW, true), (OLD, true), (REFRESH, false)] {
        let body = token.split('.').nth(1).unwrap();
        let message = format!("{}.{body}", URL_SAFE_NO_PAD.encode(header));
        let secret = EncodingKey::from_secret(key);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
        assert_eq!(accepts(&issuer, &format!("{message}.{signature}")), is_ours);
    }
    let other_order = json!({"alg": "HS256", "typ": "at+jwt"});
    assert!(!accepts(&issuer, &forged(&token, &other_order, NEW)), "no other header is even parsed");
}

#[test]
fn unknown_or_wrong_kid_is_refused() {
    let issuer = issuer(&[], &[NEW, OLD]);
    let token = issuer.access(&claims()).unwrap();
    let of_new = kid(&token).unwrap();
    for (kid, key) in [("unknown", NEW), ("", NEW), (of_new.as_str(), OLD), ("../../etc/passwd", NEW)] {
        let header = Header { typ: Some("at+jwt".into()), kid: Some(kid.into()), ..Header::new(Algorithm::HS256) };
        let body: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
        let forged = encode(&header, &body, &EncodingKey::from_secret(key)).unwrap();
        assert!(!accepts(&issuer, &forged), "{kid}");
    }
}

#[test]
fn token_of_a_private_key_is_verified_with_the_published_key() {
    let issuer = issuer(&[private(0), private(1)], &[]);
    let token = issuer.access(&claims()).unwrap();
    assert!(accepts(&issuer, &token));
    let [first, second] = <[PublicKey; 2]>::try_from(issuer.public_keys()).unwrap();
    let header = decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.as_ref()), (Algorithm::EdDSA, Some(&first.id)));
    // By another implementation, with nothing but what is published.
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["entrepot-api"]);
    rules.set_issuer(&["entrepot"]);
    rules.validate_exp = false;
    let x = |key: &PublicKey| DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(key.bytes)).unwrap();
    assert_eq!(decode::<Value>(&token, &x(&first), &rules).unwrap().claims["email"], "ada@example.com");
    assert!(decode::<Value>(&token, &x(&second), &rules).is_err());
}

#[test]
fn private_keys_are_rotated_like_secrets() {
    let (before, between, after) =
        (issuer(&[private(0)], &[]), issuer(&[private(1), private(0)], &[]), issuer(&[private(1)], &[]));
    let old = before.access(&claims()).unwrap();
    let new = between.access(&claims()).unwrap();
    assert!(accepts(&between, &old) && accepts(&between, &new) && accepts(&after, &new) && !accepts(&after, &old));
}

#[test]
fn tokens_of_a_secret_are_valid_while_it_is_configured() {
    let secret = issuer(&[], &[OLD]).access(&claims()).unwrap();
    assert!(accepts(&issuer(&[private(0)], &[OLD]), &secret));
    assert!(!accepts(&issuer(&[private(0)], &[]), &secret));
    assert!(issuer(&[], &[OLD]).public_keys().is_empty());
}

/// What a public key is must never be a secret (RFC 8725 2.1).
#[test]
fn public_key_is_not_accepted_as_a_secret() {
    let issuer = issuer(&[private(0)], &[OLD]);
    let token = issuer.access(&claims()).unwrap();
    let public = private(0).public();
    let pem = "-----BEGIN PUBLIC KEY-----\n";
    let x = URL_SAFE_NO_PAD.encode(public.bytes);
    for key in [public.bytes.as_slice(), x.as_bytes(), pem.as_bytes(), public.id.as_bytes()] {
        for alg in ["HS256", "EdDSA"] {
            for header in [
                json!({"typ": "at+jwt", "alg": alg}),
                json!({"typ": "at+jwt", "alg": alg, "kid": public.id}),
                json!({"alg": alg, "kid": public.id, "typ": "at+jwt"}),
            ] {
                assert!(!accepts(&issuer, &forged(&token, &header, key)), "{header}");
            }
        }
        // With the very header of an honest token.
        let message = token.rsplit_once('.').unwrap().0;
        let secret = EncodingKey::from_secret(key);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
        assert!(!accepts(&issuer, &format!("{message}.{signature}")));
    }
}

#[test]
fn token_with_a_changed_byte_is_refused_after_the_token_was_verified() {
    let issuer = issuer(&[private(0)], &[OLD]);
    let token = issuer.access(&claims()).unwrap();
    for place in 0..token.len() {
        assert!(accepts(&issuer, &token));
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        assert!(!accepts(&issuer, &String::from_utf8(bytes).unwrap()), "at {place}");
    }
    assert_eq!(issuer.verify_access(&token, at(900)), Err(TokenError::Expired), "read before, and still not for ever");
}

#[test]
fn private_key_is_not_printed() {
    assert_eq!(format!("{:?}", private(0)), format!("PrivateKey(\"{}\")", private(0).public().id));
}

#[test]
fn without_keys_nothing_is_signed_and_every_token_is_refused() {
    let token = issuer(&[], &[OLD]).access(&claims()).unwrap();
    let empty = issuer_of(&[], &[], &[]);
    assert!(empty.access(&claims()).is_err() && empty.refresh(&refresh_claims()).is_err());
    assert!(!accepts(&empty, &token));
}
