//! Concurrent orders on both instances.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use anyhow::Result;
use entrepot_tests::{Answer, Client, stores};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{apart, start};

const BASKETS: usize = 2_000;
const CONNECTIONS: usize = 32;
const PRODUCTS: usize = 8;
const STOCK: i64 = 1_000_000;

async fn keyed(who: &Client, key: &str, body: &Value) -> Result<Answer> {
    who.with(Method::POST, "/orders", ("idempotency-key", key), Some(body.clone())).await
}

/// Places the remaining baskets one after the other, every second one with its lines in reverse order.
async fn buy(buyer: Client, items: Vec<Value>, next: Arc<AtomicUsize>) -> Result<i64> {
    let backwards: Vec<_> = items.iter().rev().cloned().collect();
    let mut placed = 0;
    loop {
        let n = next.fetch_add(1, Relaxed);
        if n >= BASKETS {
            return Ok(placed);
        }
        let items = if n.is_multiple_of(2) { &items } else { &backwards };
        buyer.post("/orders", json!({ "items": items })).await?.expect(201);
        placed += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baskets_in_opposite_orders_do_not_deadlock() -> Result<()> {
    let mut server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mut products = Vec::new();
    for n in 0..PRODUCTS {
        products.push(admin.product(&format!("P-{n}"), 100, STOCK).await?);
    }
    let items: Vec<_> = products.iter().map(|product| json!({"productId": product, "quantity": 1})).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for n in 0..CONNECTIONS {
        // A connection of its own, to one of the two.
        buyers.spawn(buy(ada.at(&server.urls()[n % 2]), items.clone(), next.clone()));
    }
    let placed: Result<Vec<_>> = buyers.join_all().await.into_iter().collect();
    let placed: i64 = placed?.into_iter().sum();
    assert_eq!(placed, i64::try_from(BASKETS)?);
    for product in &products {
        assert_eq!(admin.stock(product).await?, STOCK - placed);
    }
    // PostgreSQL adds up what a connection counted when that ends, if not before.
    assert!(server.stop()?.success());
    let counted = "SELECT deadlocks::text || ' deadlocks' FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(stores::ask(&server, counted).await?, ["0 deadlocks"]);
    let orders = "SELECT count(*)::text FROM orders";
    assert_eq!(stores::ask(&server, orders).await?, [BASKETS.to_string()]);
    Ok(())
}

#[tokio::test]
async fn idempotency_key_is_replayed_on_the_other_instance() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 10).await?;
    let ada = apart(&server, &server.customer("ada@example.com").await?);
    let body = json!({"items": [{"productId": mug, "quantity": 1}]});
    let first = keyed(&ada[0], "key", &body).await?.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    for ada in &ada {
        let again = keyed(ada, "key", &body).await?.expect(201);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
        let other = json!({"items": [{"productId": mug, "quantity": 2}]});
        keyed(ada, "key", &other).await?.error(422, "idempotency_key_reused");
    }
    assert_eq!(admin.stock(&mug).await?, 9);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_idempotency_key_on_both_instances_places_one_order() -> Result<()> {
    const KEYS: i64 = 100;
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, STOCK).await?;
    let ada = apart(&server, &server.customer("ada@example.com").await?);
    let body = json!({"items": [{"productId": mug, "quantity": 1}]});
    let mut ids = HashSet::new();
    for n in 0..KEYS {
        let key = format!("key-{n}");
        let (one, two) = tokio::join!(keyed(&ada[0], &key, &body), keyed(&ada[1], &key, &body));
        let mut fresh = 0;
        for answer in [one?, two?] {
            match answer.status {
                201 => fresh += i32::from(answer.header("idempotent-replayed").is_empty()),
                _ => drop(answer.error(409, "idempotency_in_progress")),
            }
        }
        assert_eq!(fresh, 1);
        let again = keyed(&ada[0], &key, &body).await?.expect(201);
        assert_eq!(again.header("idempotent-replayed"), "true");
        ids.insert(again.id());
    }
    assert_eq!((i64::try_from(ids.len())?, admin.stock(&mug).await?), (KEYS, STOCK - KEYS));
    assert_eq!(admin.all("/orders").await?.len(), ids.len());
    Ok(())
}
