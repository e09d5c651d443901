//! The audit log, as an admin reads it.

use anyhow::Result;
use entrepot_tests::PASSWORD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

/// The fields of an entry that depend on the change.
fn told(entry: &Value) -> (&Value, &Value, &Value) {
    (&entry["action"], &entry["actor"]["id"], &entry["changes"])
}

#[tokio::test]
async fn change_is_audited_with_actor_and_request() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let path = format!("/users/{}/roles", ada.id());
    let roles = Some(json!({"roles": ["staff"]}));
    admin.with(Method::PUT, &path, ("x-request-id", "my-request"), roles).await?.expect(200);

    let log = admin.get(&format!("/admin/audit?subject={}", ada.id())).await?.expect(200);
    let newest = &log.list()[0];
    let change = json!([{"field": "roles", "before": "customer", "after": "staff"}]);
    assert_eq!(told(newest), (&json!("user.roles_changed"), &json!(admin.id()), &change));
    assert_eq!(newest["actor"]["type"], "user");
    assert!(newest["actor"]["sessionId"].is_string());
    assert_eq!((&newest["requestId"], &newest["address"]), (&json!("my-request"), &json!("127.0.0.1")));
    assert_eq!(newest["subject"], json!({"type": "user", "id": ada.id()}));
    let oldest = log.list().last().unwrap();
    assert_eq!((&oldest["action"], &oldest["actor"]), (&json!("user.registered"), &json!({"type": "anonymous"})));
    assert!(!log.body.to_string().contains(PASSWORD));

    let own = admin.get(&format!("/admin/audit?subject={}", admin.id())).await?.expect(200);
    let made = own.list().last().unwrap();
    assert_eq!((&made["action"], &made["actor"]), (&json!("user.registered"), &json!({"type": "commandLine"})));
    assert_eq!((&made["requestId"], &made["address"]), (&Value::Null, &Value::Null));
    Ok(())
}

#[tokio::test]
async fn audit_log_is_for_admins() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    server.anonymous().get("/admin/audit").await?.error(401, "missing_token");
    ada.get("/admin/audit").await?.error(403, "forbidden");
    admin.put(&format!("/users/{}/roles", ada.id()), json!({"roles": ["staff"]})).await?.expect(200);
    ada.get("/admin/audit?action=nonsense").await?.error(403, "forbidden");
    admin.call("/admin/audit").await?.error(405, "method_not_allowed");
    Ok(())
}

#[tokio::test]
async fn audit_log_is_filtered_and_paged() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let path = format!("/users/{}", ada.id());
    for name in ["A", "B", "C"] {
        admin.patch(&path, json!({"name": name})).await?.expect(200);
    }
    let filter = format!("/admin/audit?action=user.updated&actor={}&subject={}", admin.id(), ada.id());
    let all = admin.all(&filter).await?;
    let names: Vec<_> = all.iter().map(|entry| &entry["changes"][0]["after"]).collect();
    assert_eq!(names, ["C", "B", "A"]);
    let page = admin.get(&format!("{filter}&limit=2&page=2")).await?.expect(200);
    assert_eq!(page.list(), &all[2..]);
    assert_eq!(page.body["pagination"], json!({"page": 2, "limit": 2, "total": 3, "pages": 2}));
    let first = all[2]["createdAt"].as_str().unwrap();
    assert!(!admin.all(&format!("{filter}&from={first}")).await?.is_empty());
    assert!(admin.all(&format!("{filter}&to=2020-01-01")).await?.is_empty());
    let bad = "/admin/audit?actor=ada&action=user.praised&subject=7&from=yesterday&to=x&limit=0";
    admin.get(bad).await?.invalid(&["actor", "action", "subject", "from", "to", "limit"]);
    admin.get("/admin/audit?from=2026-02-01&to=2026-01-01").await?.invalid(&["from"]);
    admin.get("/admin/audit?cursor=forged").await?.error(400, "invalid_cursor");
    Ok(())
}

#[tokio::test]
async fn erased_user_leaves_no_name_in_the_audit_log() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let path = format!("/users/{}", ada.id());
    ada.patch(&path, json!({"name": "Countess of Lovelace"})).await?.expect(200);
    ada.delete(&path).await?.expect(204);
    let entries = admin.all(&format!("/admin/audit?subject={}", ada.id())).await?;
    let told = serde_json::to_string(&entries)?;
    assert!(!told.contains("ada@example.com") && !told.contains("Lovelace"), "{told}");
    assert_eq!(entries[0]["action"], "user.deleted");
    assert!(entries.iter().any(|entry| entry["action"] == "user.updated"));
    Ok(())
}

#[tokio::test]
async fn logins_are_audited() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let stolen = json!({"refreshToken": ada.refresh_token()});
    ada.post("/auth/refresh", stolen.clone()).await?.expect(200);
    ada.post("/auth/refresh", stolen).await?.error(401, "refresh_token_reused");
    let ada = ada.again().await?;
    ada.post("/auth/logout", json!({"refreshToken": ada.refresh_token()})).await?.expect(204);
    let ada = ada.again().await?;
    ada.delete("/auth/sessions").await?.expect(204);
    let wrong = json!({"email": "ada@example.com", "password": "a guess of it"});
    ada.post("/auth/login", wrong).await?.error(401, "invalid_credentials");

    let mut entries = admin.all(&format!("/admin/audit?subject={}", ada.id())).await?;
    entries.reverse();
    let told: Vec<_> =
        entries.iter().map(|entry| (entry["action"].as_str().unwrap(), &entry["actor"]["type"])).collect();
    let (user, nobody) = (&json!("user"), &json!("anonymous"));
    let expected = [
        ("user.registered", nobody),
        ("session.started", user),
        ("refresh_token.reused", nobody),
        ("session.started", user),
        ("session.ended", user),
        ("session.started", user),
        ("session.all_ended", user),
    ];
    assert_eq!(told, expected);
    assert_eq!(entries[3]["actor"]["sessionId"], entries[3]["changes"][0]["after"]);
    assert!(!serde_json::to_string(&entries)?.contains(ada.refresh_token()));
    Ok(())
}

#[tokio::test]
async fn changes_by_staff_are_audited_and_orders_are_not() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, admin) = (server.customer("ada@example.com").await?, server.admin().await?);
    let mug = admin.product("MUG", 295, 5).await?;
    let path = format!("/products/{mug}");
    admin.patch(&path, json!({"price": {"amount": 300, "currency": "GBP"}})).await?.expect(200);
    admin
        .post(&format!("{path}/stock"), json!({"delta": -9, "reason": "broken"}))
        .await?
        .error(409, "insufficient_stock");
    admin.post(&format!("{path}/stock"), json!({"delta": -1, "reason": "broken"})).await?.expect(200);
    let order = ada.order(&mug, 1).await?.expect(201).id();
    admin.call(&format!("/orders/{order}/pay")).await?.expect(200);
    admin.delete(&path).await?.expect(204);

    let about = async |id: &str| admin.all(&format!("/admin/audit?subject={id}&sort=createdAt")).await;
    let entries = about(&mug).await?;
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["product.created", "product.updated", "product.stock_adjusted", "product.archived"]);
    assert_eq!(entries[1]["changes"], json!([{"field": "price", "before": "295 GBP", "after": "300 GBP"}]));
    let counted = json!([
        {"field": "stock", "before": "5", "after": "4"},
        {"field": "reason", "before": null, "after": "broken"},
    ]);
    assert_eq!(entries[2]["changes"], counted);
    let [paid] = about(&order).await?.try_into().unwrap();
    let change = json!([{"field": "status", "before": "pending", "after": "paid"}]);
    assert_eq!(told(&paid), (&json!("order.status_changed"), &json!(admin.id()), &change));
    Ok(())
}
