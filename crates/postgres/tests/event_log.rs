//! The event log besides its contract: what transactions of other connections do to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::{Shop, client, shop};
use entrepot_domain::{
    event::{Event, EventKind, EventKinds, EventLog, EventPosition, EventQuery},
    product::ProductRepository,
};
use entrepot_testkit::{at, product_id, stock_change};

const REGISTERED: &str = "INSERT INTO event_log (kinds, at, events) VALUES (64, now(),
    '[{\"type\":\"user.registered\",\"data\":{\"userId\":\"00000000-0000-0000-0000-000000000007\"}}]')";

/// Numbers what was committed, and returns what comes after `after`.
async fn follow(shop: &Shop, after: EventPosition) -> Vec<Event> {
    while shop.store.number().await.unwrap().is_some() {}
    EventLog::read(&*shop.store, &EventQuery { after, kinds: EventKinds::ALL, limit: 100 }).await.unwrap()
}

async fn adjust_stock(shop: &Shop) {
    shop.store.adjust_stock(product_id(1), &stock_change(1, at(1)), None).await.unwrap();
}

/// It draws its sequence first. Meanwhile it holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn late_commit_is_not_skipped() {
    let shop = shop(1, 10).await;
    let late = client(shop.database.url()).await;
    late.batch_execute(&format!("BEGIN; {REGISTERED}")).await.unwrap();
    let before = follow(&shop, EventPosition::START).await;
    adjust_stock(&shop).await;
    let seen = follow(&shop, before.last().unwrap().id.position).await;
    assert_eq!(seen.iter().map(|event| event.data.kind()).collect::<Vec<_>>(), [EventKind::StockChanged]);
    late.batch_execute("COMMIT").await.unwrap();
    adjust_stock(&shop).await;
    let rest = follow(&shop, seen[0].id.position).await;
    let kinds: Vec<_> = rest.iter().map(|event| event.data.kind()).collect();
    assert_eq!(kinds, [EventKind::UserRegistered, EventKind::StockChanged], "in the order of the sequences");
    assert_eq!(follow(&shop, EventPosition::START).await, [before, seen, rest].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_that_is_rolled_back_leaves_no_event() {
    let shop = shop(1, 10).await;
    let before = follow(&shop, EventPosition::START).await;
    let gone = client(shop.database.url()).await;
    gone.batch_execute(&format!("BEGIN; {REGISTERED}; ROLLBACK")).await.unwrap();
    adjust_stock(&shop).await;
    assert_eq!(follow(&shop, before.last().unwrap().id.position).await.len(), 1);
}

/// Another process numbers at this moment, and may have stopped in the middle of it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_lock_of_the_head() {
    let shop = shop(1, 10).await;
    let before = follow(&shop, EventPosition::START).await;
    let stopped = client(shop.database.url()).await;
    stopped.batch_execute("BEGIN; SELECT FROM event_head FOR UPDATE").await.unwrap();
    adjust_stock(&shop).await;
    assert_eq!(shop.store.number().await.unwrap(), None);
    drop(stopped);
    let mut seen = Vec::new();
    while seen.is_empty() {
        seen = follow(&shop, before.last().unwrap().id.position).await;
    }
    assert_eq!(seen.len(), 1);
}
