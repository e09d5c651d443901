//! Signing keys that change under a running shop: nobody is logged out, and others can check tokens by themselves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use entrepot_tests::{Answer, Client, Server};
use serde_json::{Value, json};

const ACCESS: &str = "9f86d081884c7d659a2feaa0c55ad015";
const NEXT_ACCESS: &str = "3bf1b2b0b822cd15d6c15b0f00a08a3b";
const REFRESH: &str = "60303ae22b998861bce3b28f33eec1be";
const NEXT_REFRESH: &str = "fd61a03af4f77d870fc21e05e7e80678";

fn part(token: &str, n: usize) -> Result<Value> {
    let part = token.split('.').nth(n).context("no token")?;
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part)?)?)
}

async fn refresh(who: &Client, token: &str) -> Result<Answer> {
    who.post("/auth/refresh", json!({ "refreshToken": token })).await
}

fn text(answer: &Answer, field: &str) -> String {
    answer.data()[field].as_str().unwrap().to_owned()
}

/// Makes a key as the README says, in the folder of the server.
fn make_key(server: &Server, name: &str) -> Result<()> {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out", name])
        .current_dir(server.folder())
        .output()
        .context("openssl is missing: apt install openssl")?;
    ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// The published key of a token, if the token was signed with it: with nothing but what is published, and by another
/// implementation than the server's.
fn check(token: &str, jwks: &Value) -> Result<()> {
    let header = part(token, 0)?;
    let keys = jwks["keys"].as_array().context("no keys")?;
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).context("the key is not published")?;
    assert_eq!((&key["kty"], &key["crv"], &key["use"]), (&json!("OKP"), &json!("Ed25519"), &json!("sig")));
    assert_eq!((&key["alg"], &header["alg"]), (&json!("EdDSA"), &json!("EdDSA")));
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(key["x"].as_str().context("no x")?)?;
    let key = VerifyingKey::from_bytes(bytes.as_slice().try_into()?)?;
    let (message, signature) = token.rsplit_once('.').context("no token")?;
    let signature = Signature::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature)?)?;
    Ok(key.verify_strict(message.as_bytes(), &signature)?)
}

async fn published(server: &Server) -> Result<Answer> {
    let answer = server.anonymous().get("//.well-known/jwks.json").await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(answer)
}

#[tokio::test]
async fn rotated_secrets_log_nobody_out() -> Result<()> {
    let mut server = Server::start(&[("JWT_SECRET", ACCESS), ("REFRESH_TOKEN_SECRET", REFRESH)]).await?;
    let (phone, laptop) = {
        let ada = server.customer("ada@example.com").await?;
        (ada.again().await?, ada)
    };
    for n in 0..3 {
        phone.order(&server.admin().await?.product(&format!("MUG-{n}"), 295, 1).await?, 1).await?.expect(201);
    }
    let cursor = phone.get("/orders?cursor=&limit=1").await?.expect(200).body["pagination"]["nextCursor"].clone();

    let both = [&format!("{NEXT_ACCESS},{ACCESS}"), &format!("{NEXT_REFRESH},{REFRESH}")];
    server.restart_with(&[("JWT_SECRET", both[0]), ("REFRESH_TOKEN_SECRET", both[1])])?;
    let [phone, laptop] = [server.again(&phone), server.again(&laptop)];
    phone.get("/users/me").await?.expect(200);
    phone.get(&format!("/orders?cursor={}&limit=1", cursor.as_str().unwrap())).await?.expect(200);
    let fresh = refresh(&phone, phone.refresh_token()).await?.expect(200);
    for token in ["token", "refreshToken"] {
        let old = if token == "token" { phone.token() } else { phone.refresh_token() };
        assert_ne!(part(&text(&fresh, token), 0)?["kid"], part(old, 0)?["kid"], "{token} has the new key");
    }

    // The old keys go: with them what they signed, and nothing else.
    server.restart_with(&[("JWT_SECRET", NEXT_ACCESS), ("REFRESH_TOKEN_SECRET", NEXT_REFRESH)])?;
    let [phone, laptop] = [server.again(&phone), server.again(&laptop)];
    phone.with_token(&text(&fresh, "token")).get("/users/me").await?.expect(200);
    refresh(&phone, &text(&fresh, "refreshToken")).await?.expect(200);
    laptop.get("/users/me").await?.error(401, "invalid_token");
    refresh(&laptop, laptop.refresh_token()).await?.error(401, "invalid_token");
    Ok(())
}

/// Of two instances of which one has the new key first already, as while they are started anew one by one.
#[tokio::test]
async fn refresh_within_the_grace_survives_a_key_change() -> Result<()> {
    let settings = [("JWT_SECRET", ACCESS), ("REFRESH_TOKEN_SECRET", REFRESH), ("REFRESH_TOKEN_GRACE", "10m")];
    let mut server = Server::start(&settings).await?;
    let ada = server.customer("ada@example.com").await?;
    let first = text(&refresh(&ada, ada.refresh_token()).await?.expect(200), "refreshToken");
    server.restart_with(&[("REFRESH_TOKEN_SECRET", &format!("{NEXT_REFRESH},{REFRESH}"))])?;
    let ada = server.again(&ada);
    let again = text(&refresh(&ada, ada.refresh_token()).await?.expect(200), "refreshToken");
    assert_eq!(again, first);
    refresh(&ada, &again).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn published_keys_verify_tokens() -> Result<()> {
    let mut server = Server::start(&[("JWT_SECRET", ACCESS), ("REFRESH_TOKEN_SECRET", REFRESH)]).await?;
    let ada = server.customer("ada@example.com").await?;
    let jwks = published(&server).await?;
    assert_eq!(jwks.body, json!({"keys": []}));
    assert_eq!(part(ada.token(), 0)?["alg"], "HS256");

    make_key(&server, "jwt.pem")?;
    server.restart_with(&[("JWT_PRIVATE_KEY", "jwt.pem")])?;
    let ada = server.again(&ada);
    ada.get("/users/me").await?.expect(200);
    let bob = server.customer("bob@example.com").await?;
    bob.get("/users/me").await?.expect(200);
    let jwks = published(&server).await?;
    assert!(jwks.header("cache-control").contains("max-age="));
    assert_eq!(jwks.body["keys"].as_array().unwrap().len(), 1);
    check(bob.token(), &jwks.body)?;
    assert_eq!(part(bob.token(), 1)?["sub"], bob.id());
    // Refresh tokens are for nobody but this service.
    assert_eq!(part(bob.refresh_token(), 0)?["alg"], "HS256");

    // The next key, with the first still believed; the secret is gone.
    make_key(&server, "next.pem")?;
    server.restart_with(&[("JWT_PRIVATE_KEY", "next.pem,jwt.pem"), ("JWT_SECRET", "")])?;
    let [ada, bob] = [server.again(&ada), server.again(&bob)];
    ada.get("/users/me").await?.error(401, "invalid_token");
    bob.get("/users/me").await?.expect(200);
    let fresh = text(&refresh(&ada, ada.refresh_token()).await?.expect(200), "token");
    let jwks = published(&server).await?;
    check(bob.token(), &jwks.body)?;
    check(&fresh, &jwks.body)?;
    assert_ne!(part(bob.token(), 0)?["kid"], part(&fresh, 0)?["kid"]);

    let said = server.command(&["doctor"], &[("PORT", "0")])?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let kid = part(&fresh, 0)?["kid"].as_str().unwrap().to_owned();
    assert!(said.contains(&format!("by JWT_PRIVATE_KEY, key {kid} (one older key is believed too)")), "{said}");
    Ok(())
}
