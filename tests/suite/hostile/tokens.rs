//! Forged tokens.

use anyhow::Result;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entrepot_tests::{Client, Server};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use super::is_unharmed;
use crate::start;

const ACCESS: &str = "the-key-of-access-tokens-in-this-test";
const REFRESH: &str = "the-key-of-refresh-tokens-in-this-test";

async fn with_known_keys() -> Result<Server> {
    start(&[("JWT_SECRET", ACCESS), ("REFRESH_TOKEN_SECRET", REFRESH)]).await
}

/// Header and claims of a token.
fn opened(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

/// Header and claims as the text of a token, unsigned. Of the header the order matters, which JSON does not keep.
fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims))
}

macro_rules! signer {
    ($name:ident, $hash:ty) => {
        fn $name(key: &str, message: &str) -> String {
            let mut mac = Hmac::<$hash>::new_from_slice(key.as_bytes()).unwrap();
            mac.update(message.as_bytes());
            format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        }
    };
}
signer!(hs256, Sha256);
signer!(hs384, Sha384);
signer!(hs512, Sha512);

/// The header of a token as it was sent.
fn header_of(token: &str) -> String {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// Claims in which one claim is changed or missing.
fn wrong_claims(claims: &Value, expires: i64) -> Vec<(String, Value)> {
    let mut wrong = Vec::new();
    for name in claims.as_object().unwrap().keys() {
        let mut without = claims.clone();
        without.as_object_mut().unwrap().remove(name);
        wrong.push((format!("no {name}"), without));
        for value in
            [json!(null), json!({}), json!([]), json!([[]]), json!(""), json!(true), json!(1e300), json!("\u{0}")]
        {
            let mut mistyped = claims.clone();
            mistyped[name] = value.clone();
            wrong.push((format!("{name} is {value}"), mistyped));
        }
    }
    let far = [json!(i64::MAX), json!(u64::MAX), json!(-1e300), json!(expires.to_string())];
    for (name, value) in [
        ("iss", json!("somebody else")),
        ("iss", json!(["entrepot"])),
        ("aud", json!("another-api")),
        ("aud", json!(["another-api"])),
        ("sub", json!("00000000-0000-0000-0000-000000000000")),
        ("sub", json!("' OR 1=1--")),
        ("sid", json!("00000000-0000-0000-0000-000000000000")),
        ("nbf", json!(expires)),
    ]
    .into_iter()
    .chain(far.into_iter().flat_map(|far| [("exp", far.clone()), ("nbf", far)]))
    {
        let mut other = claims.clone();
        other[name] = value.clone();
        wrong.push((format!("{name} is {value}"), other));
    }
    wrong
}

/// Tokens with another header, each signed as its header says where that is possible.
fn wrong_headers(header: &Value, claims: &str, key: &str) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for alg in ["none", "None", "nOnE", "", "HS256 ", "hs256", "RS256", "ES256", "EdDSA", "PS512", "HS384", "HS512"] {
        let mut other = header.clone();
        other["alg"] = json!(alg);
        let message = unsigned(&other.to_string(), claims);
        wrong.push((format!("{alg} without a signature"), format!("{message}.")));
        wrong.push((format!("{alg}, signed"), hs256(key, &message)));
        wrong.push((format!("{alg}, signed with SHA-384"), hs384(key, &message)));
        wrong.push((format!("{alg}, signed with SHA-512"), hs512(key, &message)));
        wrong.push((format!("{alg}, signed with nothing"), hs256("", &message)));
    }
    for (name, value) in [
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' UNION SELECT ''--")),
        ("kid", json!(0)),
        ("jku", json!("http://127.0.0.1:1/keys.json")),
        ("x5u", json!("http://127.0.0.1:1/x.pem")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!({"kty": "oct", "k": ""})),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt+at+jwt")),
        ("typ", json!(null)),
    ] {
        let mut other = header.clone();
        other[name] = value;
        wrong.push((format!("{other}, signed with nothing"), hs256("", &unsigned(&other.to_string(), claims))));
        wrong.push((format!("{other}, signed"), hs256(key, &unsigned(&other.to_string(), claims))));
    }
    let mut bare = header.clone();
    bare.as_object_mut().unwrap().remove("typ");
    wrong.push(("no typ".to_owned(), hs256(key, &unsigned(&bare.to_string(), claims))));
    wrong
}

/// Texts that are not shaped like a token, or are a token with something added.
fn mangled(good: &str) -> Vec<(String, String)> {
    let (message, signature) = good.rsplit_once('.').unwrap();
    let last = good.chars().last().unwrap();
    // The last character has two unused bits: another character with the same first four decodes to the same signature.
    let twin = BASE64_URL.chars().nth(BASE64_URL.find(last).unwrap() ^ 1).unwrap();
    [
        ("another end", format!("{}{twin}", &good[..good.len() - 1])),
        ("a padded end", format!("{good}=")),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("five parts", format!("{good}.{signature}.{signature}")),
        ("dots", "..".to_owned()),
        ("an empty signature twice", format!("{message}..")),
        ("half a signature", good[..good.len() - 20].to_owned()),
        ("zeros", format!("{message}.{}", "A".repeat(43))),
        ("4 kB", "x".repeat(4_097)),
        ("50 kB", "x".repeat(50_000)),
        ("50 kB of parts", "a.".repeat(25_000)),
        ("a long claim", format!("{}.{}.{signature}", message.split('.').next().unwrap(), "e".repeat(40_000))),
    ]
    .map(|(what, token)| (what.to_owned(), token))
    .into()
}

const BASE64_URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every invalid token that could be made of this one, also by somebody who knows the key.
fn all_wrong(good: &str, key: &str) -> Vec<(String, String)> {
    let (header, claims) = opened(good);
    let (text, expires) = (header_of(good), claims["exp"].as_i64().unwrap());
    let resigned = wrong_claims(&claims, expires).into_iter();
    let resigned = resigned.map(|(what, claims)| (what, hs256(key, &unsigned(&text, &claims.to_string()))));
    let twice = claims.to_string().replacen('{', &format!("{{\"sub\":{},", claims["sub"]), 1);
    let mut all: Vec<_> = resigned.collect();
    all.extend(wrong_headers(&header, &claims.to_string(), key));
    all.extend(mangled(good));
    for (what, claims) in [
        ("sub twice", twice.as_str()),
        ("no object", "[]"),
        ("null", "null"),
        ("nothing", ""),
        ("deep", &"[".repeat(2_000)),
    ] {
        all.push((what.to_owned(), hs256(key, &unsigned(&text, claims))));
    }
    for other in ["", "another-key-of-at-least-thirty-two-bytes", &key[1..], &key.to_uppercase()] {
        all.push((format!("signed with {other:?}"), hs256(other, &unsigned(&text, &claims.to_string()))));
    }
    all
}

#[tokio::test]
async fn forged_access_tokens_are_refused() -> Result<()> {
    let server = with_known_keys().await?;
    let ada = server.customer("ada@example.com").await?;
    let (_, claims) = opened(ada.token());
    let same = hs256(ACCESS, &unsigned(&header_of(ada.token()), &claims.to_string()));
    ada.with_token(&same).get("/users/me").await?.expect(200);
    for (what, token) in all_wrong(ada.token(), ACCESS) {
        let answer = ada.with_token(&token).get("/users/me").await?;
        assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("invalid_token")), "{what}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
    }
    // The clock of the instance that issued it may be ahead.
    let mut early = claims.clone();
    early["iat"] = early["exp"].clone();
    let early = hs256(ACCESS, &unsigned(&header_of(ada.token()), &early.to_string()));
    ada.with_token(&early).get("/users/me").await?.expect(200);
    let eve = server.customer("eve@example.com").await?;
    let mut stolen = claims.clone();
    stolen["sub"] = json!(eve.id());
    let stolen = hs256(ACCESS, &unsigned(&header_of(ada.token()), &stolen.to_string()));
    ada.with_token(&stolen).get("/users/me").await?.error(401, "invalid_token");
    let mut old = claims;
    old["exp"] = old["iat"].clone();
    let old = hs256(ACCESS, &unsigned(&header_of(ada.token()), &old.to_string()));
    ada.with_token(&old).get("/users/me").await?.error(401, "token_expired");
    ada.with_token(ada.refresh_token()).get("/users/me").await?.error(401, "invalid_token");
    is_unharmed(&server).await
}

#[tokio::test]
async fn forged_refresh_tokens_are_refused() -> Result<()> {
    let server = with_known_keys().await?;
    let ada = server.customer("ada@example.com").await?;
    let refresh = async |who: &Client, token: &str| who.post("/auth/refresh", json!({ "refreshToken": token })).await;
    let signed_as_access = hs256(REFRESH, &unsigned(&header_of(ada.token()), &opened(ada.token()).1.to_string()));
    let others = [("an access token", ada.token().to_owned()), ("signed with this key", signed_as_access)];
    let others = others.map(|(what, token)| (what.to_owned(), token));
    for (what, token) in all_wrong(ada.refresh_token(), REFRESH).into_iter().chain(others) {
        let answer = refresh(&ada, &token).await?;
        assert!(matches!(answer.status, 400 | 401), "{what}: {} {}", answer.status, answer.body);
        assert_ne!(answer.body["code"], "refresh_token_reused", "{what}: it would end the session");
    }
    refresh(&ada, ada.refresh_token()).await?.expect(200);
    is_unharmed(&server).await
}

#[tokio::test]
async fn token_is_read_from_the_authorization_header_only() -> Result<()> {
    let server = with_known_keys().await?;
    let ada = server.customer("ada@example.com").await?;
    let nobody = server.anonymous();
    for header in [
        ada.token().to_owned(),
        format!("Bearer{}", ada.token()),
        format!("Bearer: {}", ada.token()),
        format!("Bearer {0} {0}", ada.token()),
        format!("Bearer {0},{0}", ada.token()),
        format!("Bearer \"{}\"", ada.token()),
        format!("Basic {}", ada.token()),
        format!("Token {}", ada.token()),
    ] {
        let answer = nobody.with(reqwest::Method::GET, "/users/me", ("authorization", &header), None).await?;
        assert_eq!(answer.status, 401, "{header:.20}");
    }
    for query in ["token", "access_token", "authorization", "jwt"] {
        nobody.get(&format!("/users/me?{query}={}", ada.token())).await?.error(401, "missing_token");
    }
    nobody
        .with(reqwest::Method::GET, "/users/me", ("cookie", &format!("token={}", ada.token())), None)
        .await?
        .error(401, "missing_token");
    let twice =
        ada.request(reqwest::Method::GET, "/users/me").header("authorization", format!("Bearer {}", ada.token()));
    ada.send(twice).await?.error(401, "invalid_token");
    is_unharmed(&server).await
}
