//! All that the API shows of a user, without what differs between two users who did the same.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use entrepot_tests::Client;
use serde_json::{Map, Value, json};

use super::World;

/// How long deliveries may take: longer than a lease.
const PATIENCE: Duration = Duration::from_secs(45);

/// Status and answer of each path.
pub(super) type Shown = BTreeMap<String, Value>;

pub(super) async fn shown(world: &World, admin: &Client) -> Result<Shown> {
    let (id, name) = (world.ada.id(), &world.name);
    let mut all = Shown::new();
    for (who, path) in [
        (admin, format!("/users/{id}")),
        (admin, format!("/users?q={name}&sort=createdAt")),
        (admin, format!("/products/{}", world.product)),
        (admin, format!("/products?q={name}&sort=createdAt")),
        (admin, format!("/orders?userId={id}&sort=createdAt")),
        (admin, format!("/orders/{}/events", world.order)),
        (admin, format!("/admin/audit?subject={id}")),
        (admin, format!("/admin/audit?subject={}", world.product)),
        (admin, format!("/admin/audit?subject={}", world.order)),
        (admin, format!("/admin/jobs/{}", world.job)),
        (admin, format!("/webhooks/{}", world.webhook)),
        (admin, format!("/admin/audit?subject={}", world.webhook)),
        (&world.ada, "/auth/sessions".to_owned()),
        (&world.ada, "/auth/api-keys".to_owned()),
        (&world.ada, "/auth/totp".to_owned()),
    ] {
        let answer = who.get(&path).await?;
        all.insert(alike(&path, world), json!([answer.status, same(&answer.body["data"], world)]));
    }
    all.insert("/webhooks/{id}/deliveries".to_owned(), json!(sent(admin, &world.webhook).await?));
    let webhooks = admin.all("/webhooks").await?;
    let of_world = webhooks.iter().filter(|webhook| webhook["description"] == json!(name)).count();
    all.insert("/webhooks".to_owned(), json!(of_world));
    // A second factor that is not confirmed shows by the error for a wrong code.
    let pending = world.ada.post("/auth/totp/confirm", json!({"code": "000000"})).await?.status;
    all.insert("/auth/totp/confirm".to_owned(), json!(pending));
    Ok(all)
}

/// How many attempts each delivery to a webhook took, once none waits.
pub(super) async fn sent(admin: &Client, webhook: &str) -> Result<Vec<usize>> {
    let begun = Instant::now();
    loop {
        let deliveries = admin.get(&format!("/webhooks/{webhook}/deliveries")).await?;
        let all = deliveries.body["data"].as_array().cloned().unwrap_or_default();
        if all.iter().all(|delivery| delivery["status"] == "succeeded") {
            return Ok(all.iter().map(|delivery| delivery["attempts"].as_array().map_or(0, Vec::len)).collect());
        }
        ensure!(begun.elapsed() < PATIENCE, "they were not sent: {}", deliveries.body);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Replaces the names and identifiers of this world by the same ones for every world.
fn alike(text: &str, world: &World) -> String {
    let called = [
        (&world.name, "world"),
        (&world.product, "product"),
        (&world.order, "order"),
        (&world.job, "job"),
        (&world.webhook, "webhook"),
    ];
    let text = called.into_iter().fold(text.to_owned(), |text, (name, called)| text.replace(name.as_str(), called));
    text.replace(world.ada.id(), "user")
}

fn same(value: &Value, world: &World) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "requestId" && *name != "prefix");
            // Events are numbered across all worlds.
            let fields = fields.filter(|(name, value)| *name != "id" || !value.is_number());
            let mut same: Map<_, _> = fields.map(|(name, value)| (name.clone(), same(value, world))).collect();
            // Of times only their order is equal in all worlds.
            let touched =
                ["updatedAt", "lastUsedAt"].map(|name| value.get(name).is_some_and(|at| *at != value["createdAt"]));
            same.insert("touched".to_owned(), json!(touched));
            Value::Object(same)
        }
        Value::Array(values) => values.iter().map(|value| same(value, world)).collect(),
        Value::String(text) => {
            let words: Vec<_> = alike(text, world).split(' ').map(word).collect();
            json!(words.join(" "))
        }
        other => other.clone(),
    }
}

/// A word, unless it was made for this world alone.
fn word(text: &str) -> String {
    let is_id = text.trim_end_matches(',').split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let is_moment = text.starts_with("20") && text.ends_with('Z') && text.contains('T');
    if is_id || is_moment || text.starts_with("ek_") { "made".to_owned() } else { text.to_owned() }
}
