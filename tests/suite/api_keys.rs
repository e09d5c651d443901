//! API keys.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::DateTime;
use entrepot_tests::{Answer, Client, Server, document::filled, stores};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

const ALL: [&str; 7] =
    ["orders:read", "orders:write", "products:write", "stock:write", "users:read", "events:read", "webhooks:write"];

/// How long work after a response may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn make(who: &Client, scopes: &[&str]) -> Result<Answer> {
    Ok(who.post("/auth/api-keys", json!({"name": "till", "scopes": scopes})).await?.expect(201))
}

fn secret(made: &Answer) -> String {
    made.data()["key"].as_str().unwrap().to_owned()
}

/// A client that uses an API key of a user.
async fn machine(who: &Client, scopes: &[&str]) -> Result<Client> {
    Ok(who.with_token(&secret(&make(who, scopes).await?)))
}

#[tokio::test]
async fn api_key_is_shown_once_and_listed_without_its_secret() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let expires_at = "2999-12-31T23:00:00+01:00";
    let body = json!({"name": " The till ", "scopes": ["orders:write", "orders:read"], "expiresAt": expires_at});
    let made = ada.post("/auth/api-keys", body).await?.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(made.header("location"), format!("/api/v1/auth/api-keys/{}", made.id()));
    let (key, prefix) = (secret(&made), made.data()["prefix"].as_str().unwrap().to_owned());
    assert!(key.len() == 46 && key.starts_with(&prefix) && prefix.starts_with("ek_"), "{key} {prefix}");
    let listed = ada.get("/auth/api-keys").await?.expect(200);
    let [shown] = listed.list() else { panic!("{}", listed.body) };
    let mut expected = made.data().clone();
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(*shown, expected);
    assert_eq!((&shown["name"], &shown["lastUsedAt"]), (&json!("The till"), &Value::Null));
    assert_eq!(shown["scopes"], json!(["orders:read", "orders:write"]));
    assert_eq!(shown["expiresAt"], "2999-12-31T22:00:00.000Z");
    assert!(server.customer("eve@example.com").await?.get("/auth/api-keys").await?.expect(200).list().is_empty());
    Ok(())
}

#[tokio::test]
async fn invalid_api_key_request_names_each_field() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    ada.post("/auth/api-keys", json!({})).await?.invalid(&["name", "scopes"]);
    let bad = json!({"name": " ", "scopes": ["orders:read", "keys:write"], "expiresAt": "soon", "user": ada.id()});
    ada.post("/auth/api-keys", bad).await?.invalid(&["name", "scopes[1]", "expiresAt", "user"]);
    for (field, value) in [
        ("scopes", json!([])),
        ("expiresAt", json!("9999-12-31T23:59:59-05:00")),
        ("expiresAt", json!("2020-01-01")),
        ("expiresAt", json!(5)),
        ("scopes", json!("x")),
    ] {
        let mut body = json!({"name": "till", "scopes": ["orders:read"]});
        body[field] = value;
        ada.post("/auth/api-keys", body).await?.invalid(&[field]);
    }
    server.anonymous().get("/auth/api-keys").await?.error(401, "missing_token");
    Ok(())
}

#[tokio::test]
async fn order_placed_with_an_api_key_belongs_to_its_user() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, eve) = (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?);
    let product = server.staff().await?.product("MUG", 295, 5).await?;
    let till = machine(&ada, &["orders:read", "orders:write"]).await?;
    let placed = till.order(&product, 2).await?.expect(201);
    assert_eq!(placed.data()["userId"], ada.id());
    let path = format!("/orders/{}", placed.id());
    for owner in [&ada, &till] {
        assert_eq!(owner.get(&path).await?.expect(200).id(), placed.id());
    }
    eve.get(&path).await?.error(404, "not_found");
    machine(&eve, &ALL).await?.get(&path).await?.error(404, "not_found");
    till.call(&format!("{path}/cancel")).await?.expect(200);
    assert_eq!(ada.stock(&product).await?, 5);
    Ok(())
}

#[tokio::test]
async fn scopes_narrow_the_rights_of_the_user_and_never_widen_them() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, staff) = (server.customer("ada@example.com").await?, server.staff().await?);
    let product = json!({"sku": "A", "name": "A", "price": {"amount": 1}});
    machine(&ada, &ALL).await?.post("/products", product.clone()).await?.error(403, "forbidden");
    machine(&ada, &ALL).await?.get("/users").await?.error(403, "forbidden");
    let counter = machine(&staff, &["stock:write"]).await?;
    let refused = counter.post("/products", product.clone()).await?;
    refused.error(403, "insufficient_scope");
    assert!(refused.header("www-authenticate").contains("scope=\"products:write\""));
    let made = machine(&staff, &["products:write"]).await?.post("/products", product).await?.expect(201);
    let path = format!("/products/{}/stock", made.id());
    counter.post(&path, json!({"delta": 3, "reason": "counted"})).await?.expect(200);
    Ok(())
}

/// The order is looked at to find out which tag matches; nothing of it is shown but what the change shows.
#[tokio::test]
async fn list_of_tags_takes_no_right_to_read() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, eve, staff) =
        (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?, server.staff().await?);
    let product = staff.product("MUG", 295, 5).await?;
    let order = ada.order(&product, 1).await?.expect(201);
    let (pay, cancel) = (format!("/orders/{}/pay", order.id()), format!("/orders/{}/cancel", order.id()));
    let with_tags = async |who: &Client, path: &str, tags| who.with(Method::POST, path, ("if-match", tags), None).await;
    let [counter, buyer, other] = [
        machine(&staff, &["orders:write"]).await?,
        machine(&ada, &["orders:write"]).await?,
        machine(&eve, &["orders:write"]).await?,
    ];
    with_tags(&counter, &pay, "\"8\", \"9\"").await?.error(412, "precondition_failed");
    with_tags(&buyer, &pay, "\"1\", \"9\"").await?.error(403, "forbidden");
    with_tags(&counter, &pay, "\"1\", \"9\"").await?.expect(200);
    with_tags(&other, &cancel, "\"2\", \"9\"").await?.error(404, "not_found");
    with_tags(&buyer, &cancel, "\"2\", \"9\"").await?.expect(200);
    let reader = machine(&ada, &["orders:read"]).await?;
    with_tags(&reader, &cancel, "\"3\", \"9\"").await?.error(403, "insufficient_scope");
    Ok(())
}

/// An operation of the document that needs a login or an API key.
struct Operation {
    method: Method,
    path: String,
    body: Option<Value>,
    /// The scopes that it requires of an API key; empty if it accepts none.
    scopes: Option<Vec<String>>,
}

impl Operation {
    async fn by(&self, who: &Client) -> Result<Answer> {
        let request = who.request(self.method.clone(), &self.path);
        who.send(if let Some(body) = &self.body { request.json(body) } else { request }).await
    }
}

fn operations(document: &Value) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for (method, operation) in item.as_object().context("no operations")? {
            let Some(security) = operation["security"].as_array() else { continue };
            let scopes = security.iter().find_map(|scheme| scheme["apiKey"].as_array());
            let path = filled(path, "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55");
            operations.push(Operation {
                method: method.to_uppercase().parse()?,
                path: path.strip_prefix("/api/v1").map_or_else(|| format!("/{path}"), str::to_owned),
                body: operation["requestBody"]["content"]["application/json"].get("example").cloned(),
                scopes: scopes.map(|scopes| scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            });
        }
    }
    Ok(operations)
}

#[tokio::test]
async fn every_route_checks_the_scopes_of_an_api_key() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let document = admin.get("//openapi.json").await?.body;
    let mighty = machine(&admin, &ALL).await?;
    let mut asked = (0, 0);
    for operation in operations(&document)? {
        let Some(scopes) = &operation.scopes else {
            operation.by(&mighty).await?.error(403, "login_required");
            asked.0 += 1;
            continue;
        };
        let at = format!("{} {}", operation.method, operation.path);
        let others: Vec<_> = ALL.into_iter().filter(|scope| scopes.iter().all(|needed| needed != scope)).collect();
        let weak = make(&admin, &others).await?;
        let answer = operation.by(&admin.with_token(&secret(&weak))).await?;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("insufficient_scope")), "{at}");
        admin.delete(&format!("/auth/api-keys/{}", weak.id())).await?.expect(204);
        let answer = operation.by(&mighty).await?;
        assert!(!matches!(answer.status, 401 | 403 | 500..), "{at}: {}", answer.body);
        asked.1 += 1;
    }
    assert!(asked.0 >= 9 && asked.1 >= 16, "{asked:?} of the document's operations take a login, or a key");
    Ok(())
}

#[tokio::test]
async fn revoked_api_key_is_refused_at_once() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, eve) = (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?);
    for _ in 0..5 {
        let made = make(&ada, &["users:read"]).await?;
        let (till, path) = (ada.with_token(&secret(&made)), format!("/auth/api-keys/{}", made.id()));
        // Often enough that every instance has it in its cache.
        for _ in 0..4 {
            till.get("/users/me").await?.expect(200);
        }
        eve.delete(&path).await?.error(404, "not_found");
        till.delete(&path).await?.error(403, "login_required");
        ada.delete(&path).await?.expect(204);
        for _ in 0..2 {
            till.get("/users/me").await?.error(401, "invalid_token");
        }
        ada.delete(&path).await?.error(404, "not_found");
    }
    assert!(ada.get("/auth/api-keys").await?.expect(200).list().is_empty());
    Ok(())
}

#[tokio::test]
async fn api_key_follows_the_roles_and_the_erasure_of_its_user() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let till = machine(&ada, &ALL).await?;
    let roles = format!("/users/{}/roles", ada.id());
    let all_orders = format!("/orders?userId={}", admin.id());
    for _ in 0..5 {
        for _ in 0..2 {
            till.get(&all_orders).await?.error(403, "forbidden");
        }
        admin.put(&roles, json!({"roles": ["staff"]})).await?.expect(200);
        for _ in 0..2 {
            till.get(&all_orders).await?.expect(200);
        }
        admin.put(&roles, json!({"roles": ["customer"]})).await?.expect(200);
    }
    // A new password and a logout do not end API keys.
    let change = json!({"password": "another password", "currentPassword": ada.password()});
    ada.patch(&format!("/users/{}", ada.id()), change).await?.expect(200);
    ada.delete("/auth/sessions").await?.expect(204);
    till.get("/users/me").await?.expect(200);
    admin.delete(&format!("/users/{}", ada.id())).await?.expect(204);
    for _ in 0..2 {
        till.get("/users/me").await?.error(401, "invalid_token");
    }
    Ok(())
}

#[tokio::test]
async fn api_key_expires_at_its_time() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let made = make(&ada, &["users:read"]).await?;
    let now = DateTime::parse_from_rfc3339(made.data()["createdAt"].as_str().context("no moment")?)?;
    let expires_at = (now + Duration::from_secs(3)).to_rfc3339();
    let body = json!({"name": "short", "scopes": ["users:read"], "expiresAt": expires_at});
    let till = ada.with_token(&secret(&ada.post("/auth/api-keys", body).await?.expect(201)));
    till.get("/users/me").await?.expect(200);
    let begun = Instant::now();
    let answer = loop {
        let answer = till.get("/users/me").await?;
        if answer.status != 200 {
            break answer;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not expire");
    };
    answer.error(401, "token_expired");
    assert_eq!(ada.get("/auth/api-keys").await?.expect(200).list().len(), 1);
    Ok(())
}

#[tokio::test]
async fn api_key_has_its_own_rate_limit_and_a_guess_counts_for_the_address() -> Result<()> {
    let limits = [("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "9"), ("RATE_LIMIT_USER_MAX", "4")];
    let server = start(&limits).await?;
    let ada = server.customer("ada@example.com").await?;
    let (till, desk) = (machine(&ada, &ALL).await?, machine(&ada, &ALL).await?);
    for left in (0..4).rev() {
        let answer = till.get("/users/me").await?.expect(200);
        assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")), ("4", &*left.to_string()));
    }
    till.get("/users/me").await?.error(429, "rate_limited");
    desk.get("/users/me").await?.expect(200);
    ada.get("/users/me").await?.expect(200);
    let guess = ada.with_token(&format!("ek_{}", "x".repeat(43)));
    let mut refused = 0;
    for _ in 0..9 {
        let answer = guess.get("/users/me").await?;
        if answer.status == 429 {
            refused += 1;
        } else {
            answer.error(401, "invalid_token");
            assert_eq!(answer.header("ratelimit-limit"), "9");
        }
    }
    assert!(refused > 0, "keys are free to guess");
    Ok(())
}

#[tokio::test]
async fn last_use_is_recorded_and_logs_name_the_key_by_its_prefix() -> Result<()> {
    let server = start(&[("LOG_LEVEL", "trace"), ("LOG_FORMAT", "json")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let made = make(&ada, &["users:read"]).await?;
    let till = ada.with_token(&secret(&made));
    till.get("/users/me").await?.expect(200);
    let begun = Instant::now();
    while ada.get("/auth/api-keys").await?.expect(200).list()[0]["lastUsedAt"].is_null() {
        assert!(begun.elapsed() < PATIENCE, "its use is not noted");
    }
    let prefix = made.data()["prefix"].as_str().unwrap();
    server.printed(&format!("\"api_key\":\"{prefix}\"")).await?;
    is_secret(server, &ada, &secret(&made)).await
}

/// Expects that the secret is in no log and in no store.
async fn is_secret(mut server: Server, who: &Client, secret: &str) -> Result<()> {
    let kept = stores::kept(&server).await?;
    assert!(server.stop()?.success());
    let log = server.log().into_bytes();
    let is_in = |text: &str, all: &[u8]| all.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_in(who.email(), &kept), "this is not where things are kept");
    assert!(!is_in(secret, &log) && !is_in(secret, &kept), "{secret}");
    Ok(())
}
