//! Access to resources of other users, on every route of the OpenAPI document.

use std::collections::BTreeSet;

use anyhow::Result;
use entrepot_tests::{
    Answer, Client, Server,
    document::{Route, routes},
};
use serde_json::{Value, json};

use super::{is_answered, is_unharmed};
use crate::start;

const RANDOM: &str = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55";

/// Dots are encoded twice: of dots that are encoded once, the client makes another path, which may be an endless feed.
const MALFORMED: [&str; 9] = [
    "x",
    "0",
    "-1",
    "%00",
    "%252e%252e",
    "'%20OR%20'1'='1",
    "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c5",
    "null",
    "%F0%9F%9B%92",
];

async fn call(who: &Client, route: &Route, id: &str) -> Result<Answer> {
    let request = who.request(route.method.clone(), &route.at(id));
    let answer = match &route.body {
        Some(body) => who.send(request.json(body)).await?,
        None => who.send(request).await?,
    };
    is_answered(&answer, &format!("{} with {id}", route.name()));
    Ok(answer)
}

/// Every `id` within a response.
fn ids(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("id").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| ids(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| ids(value, found)),
        _ => {}
    }
}

/// A customer who has one of each kind of resource, and the identifiers of these.
async fn ada(server: &Server, all: &[Route]) -> Result<(Client, BTreeSet<String>)> {
    let product = server.admin().await?.product("MUG", 295, 10).await?;
    let ada = server.customer("ada@example.com").await?;
    ada.order(&product, 1).await?.expect(201);
    let (makers, lists): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|route| route.is_guarded && !route.has_parameters())
        .filter(|route| route.method == "POST" || route.method == "GET")
        .partition(|route| route.method == "POST");
    let mut found = BTreeSet::from([ada.id().to_owned(), product]);
    // Other resources are created from the examples of the document.
    for route in makers.into_iter().filter(|route| route.body.is_some()) {
        ids(&call(&ada, route, "").await?.body, &mut found);
    }
    for route in lists {
        ids(&call(&ada, route, "").await?.body, &mut found);
    }
    assert!(found.len() >= 4, "a user, a product, an order and a session: {found:?}");
    Ok((ada, found))
}

#[tokio::test]
async fn resources_of_others_are_out_of_reach() -> Result<()> {
    let server = start(&[]).await?;
    let all = routes(&server.anonymous()).await?;
    let (ada, hers) = ada(&server, &all).await?;
    let before = seen(&ada).await?;
    let (nobody, eve) = (server.anonymous(), server.customer("eve@example.com").await?);
    for route in all.iter().filter(|route| route.is_guarded) {
        for id in hers.iter().map(String::as_str).chain([RANDOM]) {
            call(&nobody, route, id).await?.error(401, "missing_token");
            if route.has_parameters() {
                let answer = call(&eve, route, id).await?;
                assert!(matches!(answer.status, 403 | 404), "{} {id}: {}", route.name(), answer.body);
            }
        }
        for id in MALFORMED.into_iter().filter(|_| route.has_parameters()) {
            for who in [&nobody, &eve] {
                let status = call(who, route, id).await?.status;
                assert!(matches!(status, 400 | 401 | 403 | 404), "{} {id}: {status}", route.name());
            }
        }
    }
    assert_eq!(seen(&ada).await?, before, "something of hers was changed");
    is_unharmed(&server).await
}

/// All resources of the customer, as she sees them.
async fn seen(ada: &Client) -> Result<Vec<Value>> {
    let mut seen = Vec::new();
    for path in ["/users/me", "/orders", "/auth/sessions"] {
        let mut answer = ada.get(path).await?.expect(200).body;
        // Only the time of last use may change.
        for session in answer["data"].as_array_mut().into_iter().flatten() {
            session["lastUsedAt"] = Value::Null;
        }
        seen.push(answer);
    }
    Ok(seen)
}

#[tokio::test]
async fn lists_of_a_customer_have_nothing_of_others() -> Result<()> {
    let server = start(&[]).await?;
    let all = routes(&server.anonymous()).await?;
    let (ada, hers) = ada(&server, &all).await?;
    let eve = server.customer("eve@example.com").await?;
    let products: BTreeSet<_> = eve.get("/products").await?.expect(200).each("id").into_iter().collect();
    for route in all.iter().filter(|route| route.is_guarded && !route.has_parameters()) {
        // Each with a session of its own: some routes end the session.
        let text = call(&eve.again().await?, route, "").await?.body.to_string();
        for secret in hers.difference(&products).map(String::as_str).chain([ada.email()]) {
            assert!(!text.contains(secret), "{} tells {secret}: {text}", route.name());
        }
    }
    Ok(())
}

#[tokio::test]
async fn unknown_id_is_a_404_for_an_admin() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, all) = (server.admin().await?, routes(&server.anonymous()).await?);
    for route in all.iter().filter(|route| route.has_parameters()) {
        for id in MALFORMED.into_iter().chain([RANDOM]) {
            call(&admin, route, id).await?.error(404, "not_found");
        }
    }
    is_unharmed(&server).await
}

#[tokio::test]
async fn read_only_fields_are_refused_in_every_body() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, all) = (server.admin().await?, routes(&server.anonymous()).await?);
    let with_bodies: Vec<_> = all.iter().filter(|route| route.body.is_some()).collect();
    assert!(with_bodies.len() > 8);
    for route in with_bodies {
        assert_eq!(route.schema["additionalProperties"], json!(false), "{} takes whatever it is given", route.name());
        let mut body = route.body.clone().unwrap_or_default();
        let (mut fields, declared) = (Vec::new(), route.schema["properties"].as_object().unwrap());
        for name in FORBIDDEN.into_iter().filter(|name| !declared.contains_key(*name)) {
            body[name] = json!("admin");
            fields.push(name.to_owned());
        }
        plant(&mut body, "", &mut fields);
        let answer = admin.send(admin.request(route.method.clone(), &route.at(RANDOM)).json(&body)).await?;
        answer.invalid(&fields.iter().map(String::as_str).collect::<Vec<_>>());
    }
    is_unharmed(&server).await
}

/// Fields that are set by the server alone.
const FORBIDDEN: [&str; 20] = [
    "id",
    "userId",
    "roles",
    "role",
    "isAdmin",
    "admin",
    "status",
    "total",
    "unitPrice",
    "lineTotal",
    "version",
    "emailVerified",
    "passwordHash",
    "password_hash",
    "createdAt",
    "updatedAt",
    "deletedAt",
    "__proto__",
    "constructor",
    "$where",
];

/// Adds an unknown field to every object within.
fn plant(value: &mut Value, path: &str, fields: &mut Vec<String>) {
    let children: Vec<(String, &mut Value)> = match value {
        Value::Object(children) => children
            .iter_mut()
            .map(|(name, child)| (if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, child))
            .collect(),
        Value::Array(children) => {
            children.iter_mut().enumerate().map(|(n, child)| (format!("{path}[{n}]"), child)).collect()
        }
        _ => return,
    };
    for (path, child) in children {
        plant(child, &path, fields);
        if let Value::Object(child) = child {
            child.insert("planted".to_owned(), json!(1));
            fields.push(format!("{path}.planted"));
        }
    }
}
