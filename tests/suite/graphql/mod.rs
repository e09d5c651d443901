//! GraphQL: the same use cases, rights, limits and errors as REST.

mod audit;
mod errors;
mod foreign;
mod hostile;
mod lists;
mod protocol;
mod shop;
mod subscriptions;

use anyhow::Result;
use entrepot_tests::Client;
use serde_json::{Value, json};

/// Runs a document, and expects that the answer has this status.
async fn ask(client: &Client, status: u16, query: &str, variables: Value) -> Result<Value> {
    let answer = client.post("/graphql", json!({"query": query, "variables": variables})).await?;
    assert_eq!(answer.status, status, "{}", answer.body);
    Ok(answer.body)
}

/// Runs a document that succeeds, and returns its data.
#[track_caller]
fn data(mut body: Value) -> Value {
    assert!(body.get("errors").is_none(), "{body}");
    body["data"].take()
}

/// The code, the status and the bad fields of the first error.
fn error(body: &Value) -> (&str, u64, Vec<&str>) {
    let extensions = &body["errors"][0]["extensions"];
    let fields = extensions["fields"].as_array().into_iter().flatten().filter_map(|field| field["field"].as_str());
    (
        extensions["code"].as_str().unwrap_or_default(),
        extensions["status"].as_u64().unwrap_or_default(),
        fields.collect(),
    )
}
