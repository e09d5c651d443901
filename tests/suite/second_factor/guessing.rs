//! Limits on wrong codes.

use anyhow::Result;
use entrepot_tests::{Client, PASSWORD};
use serde_json::{Value, json};

use super::{login, protect, remove};
use crate::start;

#[tokio::test]
async fn wrong_codes_are_rate_limited() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "3")]).await?;
    let (ada, eve) = (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?);
    let (app, _) = protect(&ada).await?;
    let nobody = server.anonymous();
    // A login without a code is no failed attempt.
    for _ in 0..4 {
        login(&nobody, "ada@example.com", None).await?.error(401, "second_factor_required");
    }
    for _ in 0..3 {
        login(&nobody, "ada@example.com", Some(&app.wrong())).await?.error(401, "invalid_credentials");
    }
    login(&nobody, "ada@example.com", Some(&app.code(1))).await?.error(429, "rate_limited");
    // The limit also holds within a session.
    let (app, _) = protect(&eve).await?;
    for n in 0..3 {
        let code = app.wrong();
        match n {
            0 => eve.post("/auth/totp/recovery-codes", json!({"code": code})).await?.invalid(&["code"]),
            1 => remove(&eve, PASSWORD, &code).await?.invalid(&["code"]),
            _ => remove(&eve, "a guess", &code).await?.invalid(&["currentPassword"]),
        };
    }
    remove(&eve, PASSWORD, &app.code(1)).await?.error(429, "rate_limited");
    Ok(())
}

/// Many addresses give no more guesses than one, and the owner can still log in by a recovery code.
#[tokio::test]
async fn wrong_codes_from_many_addresses_are_rate_limited() -> Result<()> {
    let settings = [("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "3"), ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let server = start(&settings).await?;
    let ada = server.customer("ada@example.com").await?;
    let (app, codes) = protect(&ada).await?;
    let from = async |who: &Client, method: reqwest::Method, path: &str, n: u8, body: Value| {
        let request = who.request(method, path).header("x-forwarded-for", format!("192.0.2.{n}"));
        who.send(request.json(&body)).await
    };
    let nobody = server.anonymous();
    let login = async |n, code: &str| {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "code": code});
        from(&nobody, reqwest::Method::POST, "/auth/login", n, body).await
    };
    for n in 0..3 {
        login(n, &app.wrong()).await?.error(401, "invalid_credentials");
    }
    let refused = login(100, &app.code(1)).await?;
    refused.error(429, "rate_limited");
    assert!((1..=900).contains(&refused.header("retry-after").parse::<u64>()?));
    let renewal = from(&ada, reqwest::Method::POST, "/auth/totp/recovery-codes", 101, json!({"code": app.code(1)}));
    renewal.await?.error(429, "rate_limited");
    login(102, &codes[0]).await?.expect(200);
    // Guesses of the current password within a session are limited too.
    let path = format!("/users/{}", ada.id());
    let change = async |n, password: &str| {
        let body = json!({"password": "another one", "currentPassword": password});
        from(&ada, reqwest::Method::PATCH, &path, n, body).await
    };
    for n in 0..3 {
        change(n + 10, "a guess").await?.invalid(&["currentPassword"]);
    }
    change(110, PASSWORD).await?.error(429, "rate_limited");
    for instance in server.urls() {
        let text = nobody.at(&instance).get("//metrics").await?.body;
        let text = text.as_str().unwrap_or_default();
        for limit in ["address", "user", "api_key", "login", "password", "code"] {
            assert!(text.contains(&format!("rate_limited_total{{limit=\"{limit}\"}} ")), "{limit}: {text}");
        }
    }
    Ok(())
}
