//! Secrets are in no log. Every test checks that: a `Server` that is dropped searches its log for the secrets of its
//! clients.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use entrepot_tests::document::routes;
use reqwest::Method;
use serde_json::json;

use crate::start;

#[tokio::test]
async fn secret_in_a_log_fails_the_test() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    // A request id of the client is logged; this one is its password.
    let careless = "my-password-is-this";
    let login = json!({"email": "ada@example.com", "password": careless});
    nobody.with(Method::POST, "/auth/login", ("x-request-id", careless), Some(login)).await?;
    server.printed(careless).await?;
    assert_eq!(server.told_secrets(), [careless]);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(server))).is_err());
    Ok(())
}

#[tokio::test]
async fn trace_log_has_no_secrets() -> Result<()> {
    let server = start(&[("LOG_LEVEL", "trace")]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let product = admin.product("MUG", 295, 10).await?;
    for route in routes(&admin).await? {
        for who in [&server.anonymous(), &ada.again().await?, &admin.again().await?] {
            let request = who.request(route.method.clone(), &route.at(&product)).query(&[("q", "ada@example.com")]);
            let request = match &route.body {
                Some(body) => request.json(body),
                None => request,
            };
            who.send(request).await?;
        }
    }
    // The sessions of before were ended by the routes that do so.
    let ada = ada.again().await?;
    let change = json!({"password": "another battery", "currentPassword": ada.password()});
    ada.patch(&format!("/users/{}", ada.id()), change).await?.expect(200);
    let form = [("email", "ada@example.com"), ("password", "another battery")];
    ada.send(ada.request(Method::POST, "/auth/login").form(&form)).await?.expect(200);
    server.printed("/api/v1/auth/login").await?;
    assert_eq!(server.told_secrets(), [""; 0]);
    Ok(())
}
