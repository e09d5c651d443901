//! Connections, and what reading them costs.

use anyhow::{Context, Result};
use entrepot_tests::{Collector, Span};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, data, error};
use crate::start;

#[tokio::test]
async fn connections_go_through_a_list_by_the_cursors_of_rest() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for n in 0..5 {
        admin.product(&format!("MUG-{n}"), 100 + n, 2).await?;
    }
    let query = "query ($after: String) { products(first: 2, sort: \"-price\", after: $after) {
        edges { cursor node { sku } } pageInfo { hasNextPage endCursor } } }";
    let (mut after, mut seen, mut parts) = (Value::Null, Vec::new(), 0);
    loop {
        let part = data(ask(&admin, 200, query, json!({"after": after})).await?)["products"].clone();
        let edges = part["edges"].as_array().context("no edges")?;
        seen.extend(edges.iter().map(|edge| edge["node"]["sku"].as_str().unwrap_or_default().to_owned()));
        assert_eq!(edges.last().map(|edge| &edge["cursor"]), Some(&part["pageInfo"]["endCursor"]));
        parts += 1;
        if part["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = part["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((parts, seen), (3, ["MUG-4", "MUG-3", "MUG-2", "MUG-1", "MUG-0"].map(str::to_owned).to_vec()));

    let rest = admin.get("/products?sort=-price&cursor=&limit=3").await?.expect(200);
    let cursor = rest.body["pagination"]["nextCursor"].clone();
    let part = data(ask(&admin, 200, query, json!({"after": cursor})).await?)["products"].clone();
    assert_eq!(part["edges"][0]["node"]["sku"], "MUG-1");

    for (query, code, field) in [
        ("{ products(after: \"forged\") { edges { cursor } } }", "invalid_cursor", vec![]),
        ("{ products(first: 0) { edges { cursor } } }", "validation_failed", vec!["first"]),
        ("{ products(first: 101) { edges { cursor } } }", "validation_failed", vec!["first"]),
        (
            "{ products(first: -1, sort: \"colour\", minPrice: -1) { edges { cursor } } }",
            "validation_failed",
            vec!["minPrice", "sort", "first"],
        ),
    ] {
        assert_eq!(error(&ask(&admin, 200, query, Value::Null).await?), (code, 400, field), "{query}");
    }
    // The cursor of another list.
    let other = ask(
        &admin,
        200,
        "query ($after: String) { products(after: $after) { edges { cursor } } }",
        json!({"after": cursor}),
    );
    assert_eq!(error(&other.await?).0, "invalid_cursor");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_of_a_hundred_orders_takes_five_statements() -> Result<()> {
    const TRACE: &str = "1af7651916cd43dd8448eb211c80319d";
    let collector = Collector::start().await?;
    let server = start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await?;
    let admin = server.admin().await?;
    let mut products = Vec::new();
    for n in 0..3 {
        products.push(admin.product(&format!("MUG-{n}"), 100, 1_000).await?);
    }
    for n in 0..4 {
        let buyer = server.customer(&format!("buyer-{n}@example.com")).await?;
        for _ in 0..25 {
            let items: Vec<_> = products.iter().map(|id| json!({"productId": id, "quantity": 1})).collect();
            buyer.post("/orders", json!({"items": items})).await?.expect(201);
        }
    }
    let query = "{ orders(first: 100) { edges { node { id user { email } items { quantity product { name } } } } } }";
    let parent = format!("00-{TRACE}-b7ad6b7169203332-01");
    let answer = admin.with(Method::POST, "/graphql", ("traceparent", &parent), Some(json!({"query": query}))).await?;
    let edges = data(answer.body.clone())["orders"]["edges"].clone();
    let edges = edges.as_array().context("no edges")?;
    assert_eq!((edges.len(), &answer.body["extensions"]["cost"]), (100, &json!(400)));
    for edge in edges {
        let items = edge["node"]["items"].as_array().context("no items")?;
        assert!(edge["node"]["user"]["email"].is_string() && items.len() == 3, "{edge}");
        assert!(items.iter().all(|item| item["product"]["name"].is_string()), "{edge}");
    }

    let is_request = |span: &&Span| span.trace == TRACE && span.name == "POST /api/v1/graphql";
    collector.until(|spans| spans.iter().find(is_request).map(drop)).await?;
    let spans = collector.spans();
    let statements = spans.iter().filter(|span| span.trace == TRACE && !span.attribute("db.query.text").is_empty());
    let statements: Vec<_> = statements.map(|span| span.attribute("db.query.text")).collect();
    assert!((2..=5).contains(&statements.len()), "{statements:#?}");
    Ok(())
}
