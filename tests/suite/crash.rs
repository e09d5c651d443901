//! A server that is killed while orders are placed, and its data after the restart.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use entrepot_tests::{Answer, Client, Server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::start;

const STOCK: i64 = 1_000_000;
const PRODUCTS: usize = 5;
const CLIENTS: usize = 8;

/// How many orders are answered before the server is killed.
const ENOUGH: usize = 300;

fn basket(products: &[String], n: usize) -> Value {
    let items: Vec<_> =
        (0..3).map(|more| json!({"productId": products[(n + more) % products.len()], "quantity": more + 1})).collect();
    json!({ "items": items })
}

/// Orders until the server is killed; returns the acknowledged orders, each with its key.
async fn buy(
    buyer: Client,
    name: usize,
    products: Vec<String>,
    done: &'static AtomicUsize,
) -> Vec<(String, Value, Answer)> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let (key, body) = (format!("{name}-{n}"), basket(&products, name + n));
        let answer = buyer.with(Method::POST, "/orders", ("idempotency-key", &key), Some(body.clone())).await;
        let Ok(answer) = answer else { break };
        acknowledged.push((key, body, answer.expect(201)));
        done.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

/// Orders until enough is sold, and kills the server in the middle of it.
async fn sell_and_kill(
    server: &mut Server,
    buyer: &Client,
    products: &[String],
) -> Result<Vec<(String, Value, Answer)>> {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let mut buyers = JoinSet::new();
    for name in 0..CLIENTS {
        buyers.spawn(buy(buyer.clone(), name, products.to_vec(), &DONE));
    }
    while DONE.load(Ordering::Relaxed) < ENOUGH && buyers.try_join_next().is_none() {
        tokio::task::yield_now().await;
    }
    server.kill()?;
    Ok(buyers.join_all().await.into_iter().flatten().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_orders_survive_a_crash_and_stock_is_consistent() -> Result<()> {
    let mut server = start(&[]).await?;
    let admin = server.admin().await?;
    let mut products = Vec::new();
    for n in 0..PRODUCTS {
        products.push(admin.product(&format!("P-{n}"), 100 + i64::try_from(n)?, STOCK).await?);
    }
    let buyer = server.customer("ada@example.com").await?;

    let acknowledged = sell_and_kill(&mut server, &buyer, &products).await?;
    assert!(acknowledged.len() >= ENOUGH);
    server.restart()?;
    let (admin, buyer) = (server.again(&admin), server.again(&buyer));

    let orders: HashMap<String, Value> = admin
        .all("/orders")
        .await?
        .into_iter()
        .map(|order| (order["id"].as_str().unwrap().to_owned(), order))
        .collect();
    for (_, _, answer) in &acknowledged {
        assert_eq!(orders.get(&answer.id()), Some(answer.data()), "an order was lost or changed");
    }
    // An order in flight may be stored or not: at most one for each client, and nothing else.
    assert!(orders.len() <= acknowledged.len() + CLIENTS, "{} of {}", orders.len(), acknowledged.len());

    let mut left: HashMap<&str, i64> = products.iter().map(|product| (product.as_str(), STOCK)).collect();
    for item in orders.values().flat_map(|order| order["items"].as_array().unwrap()) {
        *left.get_mut(item["productId"].as_str().unwrap()).unwrap() -= item["quantity"].as_i64().unwrap();
    }
    for (product, left) in left {
        assert_eq!(admin.stock(product).await?, left);
    }

    // A client that retries with its key gets the first response, and no second order.
    let (key, body, first) = acknowledged.last().unwrap().clone();
    let again = buyer.with(Method::POST, "/orders", ("idempotency-key", &key), Some(body)).await?.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(), first.data());
    assert_eq!(admin.all("/orders").await?.len(), orders.len());
    Ok(())
}

#[tokio::test]
async fn sessions_and_users_survive_a_restart() -> Result<()> {
    let mut server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    assert!(server.stop()?.success());
    server.restart()?;
    let ada = server.again(&ada);
    let me = ada.get("/users/me").await?.expect(200);
    assert_eq!(me.data()["email"], "ada@example.com");
    ada.post("/auth/refresh", json!({"refreshToken": ada.refresh_token()})).await?.expect(200);
    Ok(())
}
