//! Enabling and removing it, and what is recorded of that.

use anyhow::{Context, Result};
use entrepot_tests::{PASSWORD, stores};
use serde_json::json;

use super::{App, login, protect, recovery_codes, remove};
use crate::start;

#[tokio::test]
async fn confirming_a_code_enables_it_and_ends_the_other_sessions() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let phone = ada.again().await?;
    for _ in 0..2 {
        phone.get("/users/me").await?.expect(200);
    }
    assert_eq!(ada.get("/auth/totp").await?.expect(200).data(), &json!({"enabled": false, "recoveryCodesLeft": 0}));
    ada.post("/auth/totp/confirm", json!({"code": "123456"})).await?.error(404, "not_found");

    let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    assert_eq!(begun.header("cache-control"), "no-store");
    let secret = begun.data()["secret"].as_str().unwrap().to_owned();
    let uri = begun.data()["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Entrepot:ada%40example.com?") && uri.contains(&secret), "{uri}");
    // It is not enabled yet, and beginning again replaces the first secret.
    login(&ada, "ada@example.com", None).await?.expect(200);
    let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    let app = App::new(begun.data()["secret"].as_str().unwrap());
    let too_old = App::new(&secret).code(0);
    if too_old != app.code(0) && too_old != app.code(1) {
        ada.post("/auth/totp/confirm", json!({"code": too_old})).await?.invalid(&["code"]);
    }

    let confirmed = ada.post("/auth/totp/confirm", json!({"code": app.code(0)})).await?.expect(200);
    assert_eq!((recovery_codes(&confirmed).len(), confirmed.header("cache-control")), (10, "no-store"));
    for _ in 0..2 {
        phone.get("/users/me").await?.error(401, "invalid_token");
        let status = ada.get("/auth/totp").await?.expect(200);
        assert_eq!(status.data(), &json!({"enabled": true, "recoveryCodesLeft": 10}));
    }
    ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.error(409, "second_factor_enabled");
    ada.post("/auth/totp/confirm", json!({"code": app.code(1)})).await?.error(409, "second_factor_enabled");
    // The user's representation has no further fields.
    let me = ada.get("/users/me").await?.expect(200);
    let mut fields: Vec<_> = me.data().as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["createdAt", "email", "emailVerified", "id", "name", "roles", "updatedAt"]);
    Ok(())
}

#[tokio::test]
async fn enabling_needs_the_password_and_leaves_api_keys_valid() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    ada.post("/auth/totp", json!({"currentPassword": "not the one"})).await?.invalid(&["currentPassword"]);
    ada.post("/auth/totp", json!({})).await?.invalid(&["currentPassword"]);
    let made = ada.post("/auth/api-keys", json!({"name": "till", "scopes": ["users:read"]})).await?.expect(201);
    protect(&ada).await?;
    let till = ada.with_token(made.data()["key"].as_str().unwrap());
    till.get("/users/me").await?.expect(200);
    till.get("/auth/totp").await?.error(403, "login_required");
    Ok(())
}

#[tokio::test]
async fn removal_needs_password_and_code() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    remove(&ada, PASSWORD, "123456").await?.error(404, "not_found");
    let (app, codes) = protect(&ada).await?;
    remove(&ada, "not the one", &codes[0]).await?.invalid(&["currentPassword"]);
    remove(&ada, PASSWORD, &app.wrong()).await?.invalid(&["code"]);
    ada.send(ada.request(reqwest::Method::DELETE, "/auth/totp").json(&json!({})))
        .await?
        .invalid(&["currentPassword", "code"]);
    remove(&ada, PASSWORD, &codes[0]).await?.expect(204);
    assert_eq!(ada.get("/auth/totp").await?.expect(200).data(), &json!({"enabled": false, "recoveryCodesLeft": 0}));
    login(&server.anonymous(), "ada@example.com", None).await?.expect(200);
    let (app, codes) = protect(&ada).await?;
    remove(&ada, PASSWORD, &app.code(1)).await?.expect(204);
    // Recovery codes from before are invalid when it is enabled again.
    protect(&ada).await?;
    login(&server.anonymous(), "ada@example.com", Some(&codes[0])).await?.error(401, "invalid_credentials");
    Ok(())
}

#[tokio::test]
async fn admin_removes_it_and_a_new_password_does_not() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    protect(&ada).await?;
    let path = format!("/users/{}/totp", ada.id());
    for other in [&ada, &server.staff().await?] {
        other.delete(&path).await?.error(403, "forbidden");
    }
    admin.patch(&format!("/users/{}", ada.id()), json!({"password": PASSWORD})).await?.expect(200);
    let nobody = server.anonymous();
    login(&nobody, "ada@example.com", None).await?.error(401, "second_factor_required");
    admin.delete(&path).await?.expect(204);
    login(&nobody, "ada@example.com", None).await?.expect(200);
    admin.delete(&path).await?.error(404, "not_found");
    admin.delete("/users/0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55/totp").await?.error(404, "not_found");
    // Admins need a code for their own: an open session must not suffice.
    protect(&admin).await?;
    admin.delete(&format!("/users/{}/totp", admin.id())).await?.error(403, "forbidden");
    Ok(())
}

#[tokio::test]
async fn audit_log_records_api_keys_and_second_factors() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let made = ada.post("/auth/api-keys", json!({"name": "till", "scopes": ["orders:read"]})).await?.expect(201);
    ada.delete(&format!("/auth/api-keys/{}", made.id())).await?.expect(204);
    let (app, codes) = protect(&ada).await?;
    login(&server.anonymous(), "ada@example.com", Some(&codes[0])).await?.expect(200);
    ada.post("/auth/totp/recovery-codes", json!({"code": app.code(1)})).await?.expect(200);
    admin.delete(&format!("/users/{}/totp", ada.id())).await?.expect(204);
    let log = admin.get(&format!("/admin/audit?subject={}&limit=100", ada.id())).await?.expect(200);
    let mut actions = log.each("action");
    actions.retain(|action| !action.starts_with("user.") && !action.starts_with("session."));
    let expected = [
        "second_factor.removed",
        "second_factor.recovery_codes_renewed",
        "second_factor.recovery_code_used",
        "second_factor.enabled",
        "api_key.revoked",
        "api_key.created",
    ];
    assert_eq!(actions, expected);
    let removed = &log.list()[0];
    assert_eq!((&removed["actor"]["id"], &removed["actor"]["type"]), (&json!(admin.id()), &json!("user")));
    // A change by an API key names the key.
    let staff = server.staff().await?;
    let made = staff.post("/auth/api-keys", json!({"name": "till", "scopes": ["products:write"]})).await?.expect(201);
    let till = staff.with_token(made.data()["key"].as_str().context("no key")?);
    till.product("MUG", 295, 1).await?;
    let log = admin.get("/admin/audit?action=product.created").await?.expect(200);
    let actor = json!({"type": "apiKey", "id": staff.id(), "apiKeyId": made.id()});
    assert_eq!(log.list()[0]["actor"], actor);
    Ok(())
}

#[tokio::test]
async fn secrets_are_in_no_log_and_not_readable_in_the_store() -> Result<()> {
    let mut server = start(&[("LOG_LEVEL", "trace")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let begun = ada.post("/auth/totp", json!({"currentPassword": PASSWORD})).await?.expect(200);
    let secret = begun.data()["secret"].as_str().unwrap().to_owned();
    let app = App::new(&secret);
    let confirmed = ada.post("/auth/totp/confirm", json!({"code": app.code(0)})).await?.expect(200);
    let codes = recovery_codes(&confirmed);
    login(&server.anonymous(), "ada@example.com", Some(&codes[0])).await?.expect(200);
    let kept = stores::kept(&server).await?;
    assert!(server.stop()?.success());
    let log = server.log().into_bytes();
    let is_in = |part: &[u8], all: &[u8]| all.windows(part.len()).any(|found| found == part);
    assert!(is_in(ada.email().as_bytes(), &kept), "this is not where things are kept");
    let mut secrets = vec![secret.into_bytes(), app.0];
    secrets.extend(codes.iter().map(|code| code.clone().into_bytes()));
    secrets.extend(codes.iter().map(|code| code.replace('-', "").into_bytes()));
    for secret in secrets {
        assert!(!is_in(&secret, &log) && !is_in(&secret, &kept), "{}", String::from_utf8_lossy(&secret));
    }
    Ok(())
}
