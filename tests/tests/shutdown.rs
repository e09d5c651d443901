//! How a server stops: nothing that was asked is lost, and nothing is kept waiting.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use entrepot_tests::{Bare, Client, Server, Wire};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CLIENTS: usize = 32;
const STOCK: i64 = 10_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// How many orders are placed before the server is asked to stop in the middle of it.
const ENOUGH: usize = 300;

/// What a buyer has seen.
#[derive(Default)]
struct Seen {
    /// The orders that were placed.
    placed: Vec<String>,
    /// How many requests were sent to the last byte, and not answered to the last byte.
    lost: Vec<String>,
    /// What was answered in place of an order.
    refused: Vec<Bare>,
}

fn order(token: &str, product: &str) -> String {
    let body = json!({"items": [{"productId": product, "quantity": 1}]}).to_string();
    format!(
        "POST /api/v1/orders HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Orders one after the other, on one connection for as long as the server likes, until nobody listens any more.
async fn buy(address: SocketAddr, order: Arc<str>, placed: Arc<AtomicUsize>) -> Seen {
    let mut seen = Seen::default();
    'connections: while let Ok(mut wire) = Wire::to(address).await {
        loop {
            // A request that could not be sent whole was not accepted.
            if wire.say(order.as_bytes()).await.is_err() {
                continue 'connections;
            }
            let closes = match wire.answer().await {
                Ok(answer) => {
                    let closes = answer.closes();
                    match answer.body["data"]["id"].as_str() {
                        Some(id) if answer.status == 201 => seen.placed.push(id.to_owned()),
                        _ => seen.refused.push(answer),
                    }
                    placed.fetch_add(1, Ordering::Relaxed);
                    closes
                }
                Err(error) => {
                    seen.lost.push(format!("{error:#}"));
                    true
                }
            };
            if closes {
                continue 'connections;
            }
        }
    }
    seen
}

/// What is left must be what was there, less what was ordered.
async fn assert_books_are_right(admin: &Client, product: &str) -> Result<BTreeSet<String>> {
    let orders = admin.all("/orders").await?;
    let ordered = |order: &Value| order["items"][0]["quantity"].as_i64().unwrap();
    let sold: i64 = orders.iter().filter(|order| order["status"] != "cancelled").map(ordered).sum();
    assert_eq!(admin.stock(product).await?, STOCK - sold);
    Ok(orders.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect())
}

async fn stopped_under_full_load(grace: &str, signal: &str) -> Result<()> {
    let mut server = Server::start(&[("SHUTDOWN_GRACE", grace), ("SHUTDOWN_TIMEOUT", "20s")]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, STOCK).await?;
    let (order, placed): (Arc<str>, _) = (order(ada.token(), &mug).into(), Arc::new(AtomicUsize::new(0)));
    let mut buyers = JoinSet::new();
    for _ in 0..CLIENTS {
        buyers.spawn(buy(server.address(), order.clone(), placed.clone()));
    }
    while placed.load(Ordering::Relaxed) < ENOUGH {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    server.signal(signal)?;
    let mut ids = BTreeSet::new();
    for seen in buyers.join_all().await {
        assert!(seen.lost.is_empty(), "lost: {:?}", seen.lost);
        assert!(seen.refused.is_empty(), "refused: {:?}", seen.refused);
        ids.extend(seen.placed);
    }
    assert_eq!(server.wait()?.code(), Some(0));
    let took = began.elapsed();
    println!("{} orders, all answered; it took {took:?} to stop", ids.len());
    assert!(took < 20 * SECOND, "{took:?}");
    server.restart()?;
    // Every order that was answered for is there, and nothing else.
    assert_eq!(assert_books_are_right(&server.again(&admin), &mug).await?, ids);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_under_full_load() -> Result<()> {
    stopped_under_full_load("1s", "TERM").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_under_full_load_without_a_grace() -> Result<()> {
    stopped_under_full_load("0", "INT").await
}

#[tokio::test]
async fn it_is_not_ready_first_and_serves_everything_else_for_the_grace() -> Result<()> {
    let mut server = Server::start(&[("SHUTDOWN_GRACE", "3s")]).await?;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut before = Wire::to(server.address()).await?;
    before.say(ask("/health/ready")).await?;
    let answer = before.answer().await?;
    assert!(answer.status == 200 && !answer.closes(), "{answer:?}");
    let silent = Wire::to(server.address()).await?;
    let began = Instant::now();
    server.terminate()?;
    server.printed("stopping").await?;

    let mut fresh = Wire::to(server.address()).await?;
    fresh.say(ask("/health/ready")).await?;
    let answer = fresh.answer().await?;
    assert!(answer.status == 503 && answer.closes(), "{answer:?}");
    assert_eq!(answer.body["data"]["status"], "stopping", "{answer:?}");
    fresh.ended().await?;
    for path in ["/health/live", "/api/v1/products"] {
        let mut fresh = Wire::to(server.address()).await?;
        fresh.say(ask(path)).await?;
        let answer = fresh.answer().await?;
        assert!(answer.status == 200 && answer.closes(), "{path}: {answer:?}");
    }
    // On a connection that was there before too.
    before.say(ask("/api/v1/products")).await?;
    let answer = before.answer().await?;
    assert!(answer.status == 200 && answer.closes(), "{answer:?}");
    ensure!(began.elapsed() < 3 * SECOND, "the machine is too slow for this test");

    assert_eq!(server.wait()?.code(), Some(0));
    let took = began.elapsed();
    assert!(took >= 3 * SECOND && took < 8 * SECOND, "{took:?}");
    assert!(Wire::to(server.address()).await.is_err());
    drop(silent);
    Ok(())
}

#[tokio::test]
async fn second_signal_ends_the_process_at_once() -> Result<()> {
    let mut server = Server::start(&[("SHUTDOWN_GRACE", "60s"), ("SHUTDOWN_TIMEOUT", "60s")]).await?;
    let began = Instant::now();
    server.terminate()?;
    server.printed("stopping").await?;
    server.signal("INT")?;
    assert_eq!(server.wait()?.code(), Some(130));
    assert!(began.elapsed() < 10 * SECOND, "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn shutdown_ends_within_its_timeout() -> Result<()> {
    let mut server = Server::start(&[("SHUTDOWN_GRACE", "60s"), ("SHUTDOWN_TIMEOUT", "2s")]).await?;
    let mut hanging = Wire::to(server.address()).await?;
    hanging.say("POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{").await?;
    let began = Instant::now();
    assert_eq!(server.stop()?.code(), Some(0));
    let took = began.elapsed();
    assert!(took >= 2 * SECOND && took < 7 * SECOND, "{took:?}");
    Ok(())
}

/// Their clients are gone before they are answered, and then the server stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_for_disconnected_clients_is_finished_or_undone() -> Result<()> {
    let mut server = Server::start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, STOCK).await?;
    let order = order(ada.token(), &mug);
    for _ in 0..200 {
        Wire::to(server.address()).await?.say(&order).await?;
    }
    assert_eq!(server.stop()?.code(), Some(0));
    server.restart()?;
    assert_books_are_right(&server.again(&admin), &mug).await?;
    Ok(())
}

/// Its client is gone, and the server has noticed; only the change itself keeps the process from ending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_of_a_disconnected_client_is_finished_before_exit() -> Result<()> {
    // Slow enough to be in the middle of it for certain.
    let mut server = Server::start(&[("BCRYPT_COST", "14"), ("SHUTDOWN_GRACE", "0")]).await?;
    let nobody = server.anonymous();
    let (email, password) = ("late@example.com", "correct horse battery");
    let body = json!({"name": "Ada", "email": email, "password": password}).to_string();
    let mut wire = Wire::to(server.address()).await?;
    wire.say(format!(
        "POST /api/v1/users HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await?;
    let is = async |name: &str, value: f64| anyhow::Ok((nobody.metric(name).await? - value).abs() < 0.5);
    while !is("password_hashes_running", 1.0).await? {
        ensure!(wire.age() < 10 * SECOND, "it is not begun");
    }
    wire.vanish()?;
    let gone = Instant::now();
    // Of which this is one.
    while !is("http_requests_in_flight", 1.0).await? {
        ensure!(gone.elapsed() < 10 * SECOND, "the server does not notice that its client has gone");
    }
    assert!(is("password_hashes_running", 1.0).await?, "the machine is too slow for this test");
    let began = Instant::now();
    assert_eq!(server.stop()?.code(), Some(0));
    println!("it took {:?} to stop", began.elapsed());
    server.restart()?;
    // Nobody but the process that stopped can have written it.
    server.anonymous().login(email, password).await?;
    Ok(())
}

/// With a time-out that is shorter than a commit, every kind of change is told to have failed, and is whole all the
/// same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_that_times_out_is_a_503_and_never_partial() -> Result<()> {
    let mut server = Server::start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, STOCK).await?;
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(ada.order(&mug, 1).await?.expect(201).id());
    }
    server.restart_with(&[("REQUEST_TIMEOUT", "1ms")])?;
    let (hasty_admin, hasty_ada) = (server.again(&admin), server.again(&ada));
    let mut late = 0;
    let mut ask = JoinSet::new();
    for (n, id) in orders.iter().enumerate() {
        let (admin, ada, mug, id) = (hasty_admin.clone(), hasty_ada.clone(), mug.clone(), id.clone());
        ask.spawn(async move {
            let sku = format!("CUP-{n}");
            let cup = json!({"sku": sku, "name": "Cup", "price": {"amount": 1, "currency": "GBP"}, "stock": 1});
            anyhow::Ok(vec![
                ada.order(&mug, 1).await?,
                ada.call(&format!("/orders/{id}/cancel")).await?,
                admin.post("/products", cup).await?,
                admin.patch(&format!("/products/{mug}"), json!({"name": format!("Mug {n}")})).await?,
                ada.patch(&format!("/users/{}", ada.id()), json!({"name": format!("Ada {n}")})).await?,
            ])
        });
    }
    for answers in ask.join_all().await {
        for answer in answers? {
            assert!(matches!(answer.status, 200 | 201 | 503), "{answer:?}");
            late += usize::from(answer.status == 503);
            if answer.status == 503 {
                assert_eq!(answer.body["code"], "unavailable", "{answer:?}");
            }
        }
    }
    assert!(late > 0, "nothing was late: the test proves nothing on this machine");
    println!("{late} of {} were late", orders.len() * 5);
    server.restart_with(&[("REQUEST_TIMEOUT", "30s")])?;
    let admin = server.again(&admin);
    assert_books_are_right(&admin, &mug).await?;
    for id in &orders {
        let order = admin.get(&format!("/orders/{id}")).await?.expect(200);
        let events = admin.get(&format!("/orders/{id}/events")).await?.expect(200);
        let cancelled = order.data()["status"] == "cancelled";
        assert_eq!(events.list().len(), 1 + usize::from(cancelled), "{events:?}");
    }
    Ok(())
}
