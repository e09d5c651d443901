//! Webhooks: endpoints, and what they are sent.

mod deliveries;

use anyhow::Result;
use entrepot_tests::Client;
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

/// Endpoints of the tests are on this machine.
const PRIVATE: (&str, &str) = ("WEBHOOK_ALLOW_PRIVATE", "true");

/// A URL at which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/hook";

/// Without its secret.
fn shown(made: &Value) -> Value {
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("secret");
    shown
}

#[tokio::test]
async fn endpoint_is_made_changed_and_deleted() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let (admin, staff) = (server.admin().await?, server.staff().await?);
    let body = json!({"url": NOBODY, "types": ["order.created", "user.deleted"], "description": "The warehouse"});
    let made = staff.post("/webhooks", body).await?.expect(201);
    let path = format!("/webhooks/{}", made.id());
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!((made.header("etag"), made.header("cache-control")), ("\"1\"", "no-store"));
    let secret = made.data()["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "32 bytes in Base64");
    assert_eq!(
        (&made.data()["types"], &made.data()["active"], &made.data()["signing"]),
        (&json!(["order.created", "user.deleted"]), &json!(true), &json!("hmac"))
    );
    assert_eq!((&made.data()["url"], &made.data()["createdBy"]), (&json!(NOBODY), &json!(staff.id())));

    let found = admin.get(&path).await?.expect(200);
    assert_eq!((*found.data() == shown(made.data()), found.header("etag")), (true, "\"1\""));
    let known = admin.with(Method::GET, &path, ("if-none-match", "\"1\""), None).await?;
    assert_eq!(known.status, 304);
    assert_eq!(admin.get("/webhooks").await?.expect(200).list(), [shown(made.data())]);

    let change = json!({"types": ["*"], "active": false, "description": ""});
    let changed = admin.with(Method::PATCH, &path, ("if-match", "\"1\""), Some(change.clone())).await?.expect(200);
    assert_eq!((changed.header("etag"), &changed.data()["types"]), ("\"2\"", &json!(["*"])));
    assert_eq!((&changed.data()["active"], &changed.data()["url"]), (&json!(false), &json!(NOBODY)));
    for method in [Method::PATCH, Method::DELETE] {
        let body = (method == Method::PATCH).then(|| change.clone());
        let stale = admin.with(method, &path, ("if-match", "\"1\""), body).await?;
        stale.error(412, "precondition_failed");
    }
    assert_eq!(admin.get(&path).await?.expect(200).data(), changed.data());
    admin.with(Method::DELETE, &path, ("if-match", "\"2\""), None).await?.expect(204);
    admin.get(&path).await?.error(404, "not_found");
    admin.delete(&path).await?.error(404, "not_found");

    let log = admin.get(&format!("/admin/audit?subject={}&sort=createdAt", made.id())).await?.expect(200);
    assert_eq!(log.each("action"), ["webhook.created", "webhook.updated", "webhook.deleted"]);
    assert_eq!(log.list()[0]["subject"]["type"], "webhook");
    assert!(!log.body.to_string().contains("whsec_"));
    Ok(())
}

#[tokio::test]
async fn secret_is_rotated() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    for signing in ["hmac", "ed25519"] {
        let made =
            staff.post("/webhooks", json!({"url": NOBODY, "types": ["*"], "signing": signing})).await?.expect(201);
        let path = format!("/webhooks/{}", made.id());
        let has_key = signing == "ed25519";
        assert_eq!(made.data()["publicKey"].as_str().is_some_and(|key| key.starts_with("whpk_")), has_key);
        let stale = staff.with(Method::POST, &format!("{path}/secret"), ("if-match", "\"9\""), None).await?;
        stale.error(412, "precondition_failed");
        let rotated = staff.call(&format!("{path}/secret")).await?.expect(200);
        assert_eq!(rotated.header("cache-control"), "no-store");
        assert!(rotated.data()["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_ne!(rotated.data()["secret"], made.data()["secret"]);
        let found = staff.get(&path).await?.expect(200);
        assert_eq!((found.header("etag"), &found.data()["publicKey"]), ("\"2\"", &rotated.data()["publicKey"]));
        assert_eq!(rotated.data()["publicKey"] != made.data()["publicKey"], has_key);
    }
    Ok(())
}

#[tokio::test]
async fn invalid_endpoint_names_each_field() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    staff.post("/webhooks", json!({})).await?.invalid(&["url", "types"]);
    let bad = json!({"url": "ftp://example.com", "types": ["order.created", "odd"], "description": 1, "signing": "rsa",
        "active": true});
    staff.post("/webhooks", bad).await?.invalid(&["url", "types[1]", "description", "signing", "active"]);
    for (types, field) in [(json!([]), "types"), (json!("*"), "types"), (json!([1]), "types[0]")] {
        staff.post("/webhooks", json!({"url": NOBODY, "types": types})).await?.invalid(&[field]);
    }
    let path = format!("/webhooks/{}", endpoint(&staff, NOBODY).await?);
    let bad = json!({"url": "https://a@example.com", "types": [], "active": "true", "signing": "hmac", "secret": "x"});
    staff.patch(&path, bad).await?.invalid(&["url", "types", "active", "signing", "secret"]);
    staff.patch(&path, json!({"url": "https://nowhere.invalid/"})).await?.invalid(&["url"]);
    assert_eq!(staff.get(&path).await?.expect(200).header("etag"), "\"1\"");
    Ok(())
}

async fn endpoint(who: &Client, url: &str) -> Result<String> {
    Ok(who.post("/webhooks", json!({"url": url, "types": ["*"]})).await?.expect(201).id())
}

/// However they are written.
#[tokio::test]
async fn private_addresses_are_refused() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.staff().await?;
    let path = format!("/webhooks/{}", endpoint(&staff, "https://8.8.8.8/hook").await?);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "metadata.google.internal",
        "nowhere.invalid",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fd00::1]",
        "[fe80::1]",
        "[ff02::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:8443/hook");
            staff.post("/webhooks", json!({"url": url, "types": ["*"]})).await?.invalid(&["url"]);
            staff.patch(&path, json!({"url": url})).await?.invalid(&["url"]);
        }
    }
    assert_eq!(staff.get("/webhooks").await?.expect(200).list().len(), 1);
    Ok(())
}

#[tokio::test]
async fn webhooks_are_for_staff_and_keys_with_the_scope() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let path = format!("/webhooks/{}", endpoint(&staff, NOBODY).await?);
    let key = async |who: &Client, scope: &str| -> Result<Client> {
        let made = who.post("/auth/api-keys", json!({"name": "till", "scopes": [scope]})).await?.expect(201);
        Ok(who.with_token(made.data()["key"].as_str().unwrap()))
    };
    let nobody = server.anonymous();
    nobody.get(&path).await?.error(401, "missing_token");
    for (who, code) in [
        (ada.again().await?, "forbidden"),
        (key(&ada, "webhooks:write").await?, "forbidden"),
        (key(&staff, "orders:read").await?, "insufficient_scope"),
    ] {
        who.get("/webhooks").await?.error(403, code);
        who.post("/webhooks", json!({})).await?.error(403, code);
        who.get(&path).await?.error(403, code);
        who.patch(&path, json!({})).await?.error(403, code);
        who.delete(&path).await?.error(403, code);
        who.call(&format!("{path}/secret")).await?.error(403, code);
    }
    let machine = key(&staff, "webhooks:write").await?;
    machine.patch(&path, json!({"active": false})).await?.expect(200);
    let log = server.admin().await?.get("/admin/audit?action=webhook.updated").await?.expect(200);
    assert_eq!(log.list()[0]["actor"]["type"], "apiKey");
    machine.delete(&path).await?.expect(204);
    Ok(())
}
