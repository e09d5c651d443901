//! The OpenAPI document of the server, for tests that go through every route: a new route needs no new test.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;

use crate::Client;

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path as a [`Client`] takes it, with its parameters in braces.
    pub path: String,
    /// Whether it needs a login or an API key.
    pub is_guarded: bool,
    /// The names of its query parameters.
    pub query: Vec<String>,
    /// An example of its body, where it takes one.
    pub body: Option<Value>,
    /// The schema of that body, with the schemas that it refers to in their places.
    pub schema: Value,
}

impl Route {
    /// Whether the path has parameters.
    pub fn has_parameters(&self) -> bool {
        self.path.contains('{')
    }

    /// The path with this in the place of each parameter.
    pub fn at(&self, id: &str) -> String {
        filled(&self.path, id)
    }

    /// Method and path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A path with this in the place of each parameter.
pub fn filled(path: &str, id: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + id + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// Every route of the document but GraphQL's, whose bodies and errors have a form of their own: `suite/graphql.rs`.
pub async fn routes(client: &Client) -> Result<Vec<Route>> {
    let document = client.get("//openapi.json").await?.body;
    let paths = document["paths"].as_object().context("no paths")?;
    let mut routes = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| *path != "/api/v1/graphql") {
        for (method, operation) in item.as_object().context("no operations")? {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            // An answer without an end has tests of its own.
            let is_endless = operation["responses"]["200"]["content"]["text/event-stream"].is_object();
            if operation["responses"].is_object() && !is_endless {
                routes.push(route(&document, path, method, operation));
            }
        }
    }
    ensure!(routes.len() > 20, "there are only {} routes", routes.len());
    Ok(routes)
}

fn route(document: &Value, path: &str, method: Method, operation: &Value) -> Route {
    let schemes = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
    let body = &operation["requestBody"]["content"]["application/json"];
    Route {
        method,
        path: path.strip_prefix("/api/v1").map_or_else(|| format!("/{path}"), str::to_owned),
        // An empty scheme among others means that nobody need log in.
        is_guarded: !schemes.is_empty() && schemes.iter().all(|scheme| scheme != &serde_json::json!({})),
        query: query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect(),
        body: (!body.is_null()).then(|| body["example"].clone()),
        schema: resolved(document, &body["schema"]),
    }
}

/// A schema without references.
fn resolved(document: &Value, schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                resolved(document, document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null))
            }
            None => fields.iter().map(|(name, value)| (name.clone(), resolved(document, value))).collect(),
        },
        Value::Array(values) => values.iter().map(|value| resolved(document, value)).collect(),
        other => other.clone(),
    }
}
