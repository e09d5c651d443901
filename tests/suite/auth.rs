//! Logins, tokens and sessions.

use anyhow::Result;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entrepot_tests::{Answer, Client, stores};
use serde_json::{Value, json};

use crate::start;

async fn refresh(who: &Client, token: &str) -> Result<Answer> {
    who.post("/auth/refresh", json!({ "refreshToken": token })).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn part(token: &str, n: usize) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap()
}

/// A token with other claims or another header, signed as before.
fn forged(token: &str, n: usize, value: &Value) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[n] = BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    parts.join(".")
}

#[tokio::test]
async fn login_returns_a_pair_of_tokens() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("Ada@Example.com").await?;
    let login = json!({"email": " ADA@example.COM ", "password": ada.password()});
    let answer = server.anonymous().post("/auth/login", login).await?.expect(200);
    let data = answer.data();
    assert_eq!((&data["tokenType"], &data["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(data["user"]["id"], ada.id());
    assert!(answer.header("cache-control").contains("no-store"));

    let claims = part(&text(&data["token"]), 1);
    for claim in ["sub", "email", "roles", "sid", "jti", "iat", "nbf", "exp", "iss", "aud"] {
        assert!(!claims[claim].is_null(), "no {claim} in {claims}");
    }
    assert_eq!(claims["sub"], ada.id());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    Ok(())
}

#[tokio::test]
async fn wrong_password_and_unknown_email_get_the_same_response() -> Result<()> {
    let server = start(&[]).await?;
    server.customer("ada@example.com").await?;
    let nobody = server.anonymous();
    let mut bodies = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let answer = nobody.post("/auth/login", json!({"email": email, "password": "not the one"})).await?;
        answer.error(401, "invalid_credentials");
        assert!(!answer.header("www-authenticate").is_empty());
        let mut body = answer.body.clone();
        body["requestId"] = Value::Null;
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    Ok(())
}

#[tokio::test]
async fn missing_login_is_a_401() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    for path in ["/users/me", "/users", "/orders", "/auth/sessions"] {
        let answer = nobody.get(path).await?;
        answer.error(401, "missing_token");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let ada = server.customer("ada@example.com").await?;
    for token in ["x", "a.b.c", ada.refresh_token()] {
        let answer = ada.with_token(token).get("/users/me").await?;
        answer.error(401, "invalid_token");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    Ok(())
}

#[tokio::test]
async fn forged_token_is_refused() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let mut claims = part(ada.token(), 1);
    claims["roles"] = json!(["admin"]);
    let mut none = part(ada.token(), 0);
    none["alg"] = json!("none");
    let unsigned = forged(ada.token(), 0, &none);
    let bare = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    for token in [forged(ada.token(), 1, &claims), unsigned, bare] {
        ada.with_token(&token).get("/users/me").await?.error(401, "invalid_token");
    }
    Ok(())
}

#[tokio::test]
async fn access_token_expires() -> Result<()> {
    let server = start(&[("ACCESS_TOKEN_TTL", "1s")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let expired = async {
        loop {
            let answer = ada.get("/users/me").await?;
            if answer.status != 200 {
                return anyhow::Ok(answer);
            }
        }
    };
    let answer = tokio::time::timeout(std::time::Duration::from_mins(2), expired).await??;
    answer.error(401, "token_expired");
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    refresh(&ada, ada.refresh_token()).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn refresh_token_works_once_and_reuse_ends_the_session() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let other = ada.again().await?;
    let second = refresh(&ada, ada.refresh_token()).await?.expect(200);
    let (token, successor) = (text(&second.data()["token"]), text(&second.data()["refreshToken"]));
    assert_ne!(successor, ada.refresh_token());
    ada.with_token(&token).get("/users/me").await?.expect(200);

    let reused = refresh(&ada, ada.refresh_token()).await?;
    reused.error(401, "refresh_token_reused");
    assert!(!reused.header("www-authenticate").is_empty());
    assert_eq!(refresh(&ada, &successor).await?.status, 401);
    for token in [token.as_str(), ada.token()] {
        ada.with_token(token).get("/users/me").await?.error(401, "invalid_token");
    }
    // The session of another device goes on.
    other.get("/users/me").await?.expect(200);
    refresh(&other, other.refresh_token()).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn of_two_concurrent_refreshes_one_succeeds() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let (one, two) = tokio::join!(refresh(&ada, ada.refresh_token()), refresh(&ada, ada.refresh_token()));
    let mut statuses = [one?.status, two?.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    Ok(())
}

#[tokio::test]
async fn lost_refresh_response_is_repeated_within_the_grace() -> Result<()> {
    let server = start(&[("REFRESH_TOKEN_GRACE", "60s")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let first = refresh(&ada, ada.refresh_token()).await?.expect(200);
    let again = refresh(&ada, ada.refresh_token()).await?.expect(200);
    assert_eq!(first.data()["refreshToken"], again.data()["refreshToken"]);
    refresh(&ada, &text(&again.data()["refreshToken"])).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn only_a_refresh_token_refreshes() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    for token in ["x", "a.b.c", ada.token()] {
        refresh(&ada, token).await?.error(401, "invalid_token");
    }
    ada.post("/auth/refresh", json!({})).await?.invalid(&["refreshToken"]);
    Ok(())
}

#[tokio::test]
async fn logout_ends_the_session_and_its_access_tokens() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let other = ada.again().await?;
    ada.get("/users/me").await?.expect(200);
    let nobody = server.anonymous();
    let body = json!({"refreshToken": ada.refresh_token()});
    assert!(nobody.post("/auth/logout", body).await?.expect(204).body.is_null());
    ada.get("/users/me").await?.error(401, "invalid_token");
    assert_eq!(refresh(&ada, ada.refresh_token()).await?.status, 401);
    other.get("/users/me").await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let (phone, desk) = (ada.again().await?, ada.again().await?);
    let eve = server.customer("eve@example.com").await?;

    let listed = ada.get("/auth/sessions").await?.expect(200);
    assert_eq!(listed.list().len(), 3);
    let current: Vec<_> = listed.list().iter().filter(|session| session["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["id"], part(ada.token(), 1)["sid"]);

    let of_phone = text(&part(phone.token(), 1)["sid"]);
    eve.delete(&format!("/auth/sessions/{of_phone}")).await?.error(404, "not_found");
    phone.get("/users/me").await?.expect(200);
    ada.delete(&format!("/auth/sessions/{of_phone}")).await?.expect(204);
    phone.get("/users/me").await?.error(401, "invalid_token");
    assert_eq!(refresh(&phone, phone.refresh_token()).await?.status, 401);
    assert_eq!(ada.get("/auth/sessions").await?.expect(200).list().len(), 2);

    ada.delete("/auth/sessions").await?.expect(204);
    for ended in [&ada, &desk] {
        ended.get("/users/me").await?.error(401, "invalid_token");
    }
    eve.get("/users/me").await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn tokens_of_another_installation_are_refused() -> Result<()> {
    let (here, there) = (start(&[]).await?, start(&[]).await?);
    let ada = here.customer("ada@example.com").await?;
    let ada = there.again(&ada);
    ada.get("/users/me").await?.error(401, "invalid_token");
    refresh(&ada, ada.refresh_token()).await?.error(401, "invalid_token");
    Ok(())
}

#[tokio::test]
async fn secrets_are_in_no_log_and_no_store() -> Result<()> {
    let mut server = start(&[("LOG_LEVEL", "trace")]).await?;
    let ada = server.customer("ada@example.com").await?;
    refresh(&ada, ada.refresh_token()).await?.expect(200);
    // Now the user and the session are in every cache.
    ada.get("/users/me").await?.expect(200);
    let kept = stores::kept(&server).await?;
    assert!(server.stop()?.success());
    let log = server.log().into_bytes();
    let is_in = |text: &str, all: &[u8]| all.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_in(ada.email(), &kept), "this is not where things are kept");
    for secret in [ada.password(), ada.token(), ada.refresh_token()] {
        assert!(!is_in(secret, &log) && !is_in(secret, &kept), "{secret}");
    }
    Ok(())
}
