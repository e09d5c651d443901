//! The behaviour of this store besides the contract: schema, connections and queue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use common::{Shop, client, database, open, options, shop};
use entrepot_domain::{
    Fault, HealthCheck, Limit, Sort, Version, Window,
    auth::SessionRepository,
    order::{OrderAction, OrderFilter, OrderQuery, OrderRepository, PlaceError, Refusal},
    product::{ProductError, ProductFilter, ProductQuery, ProductRepository},
    user::{UserError, UserRepository},
};
use entrepot_postgres::migrate;
use entrepot_testkit::{
    Postgres, at, at_key, cause, new_user, order_id, placement, product, product_id, session, session_id, stock_change,
    transition,
};
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_changes_are_visible_to_another_instance() {
    let shop = shop(1, 10).await;
    let ada = new_user("ada").user;
    shop.store.open(&session(1, ada.id, "token", at(0))).await.unwrap();
    let placed = at_key("key", placement(1, ada.id, &[(1, 4)], at(1)));
    let order = shop.store.place(&placed).await.unwrap().order;

    let other = open(options(shop.database.url())).await;
    assert_eq!(UserRepository::find(&other, ada.id).await.unwrap(), Some(ada.clone()));
    assert!(other.access(session_id(1), at(2)).await.unwrap().is_some());
    let mug = ProductRepository::find(&other, product_id(1)).await.unwrap().unwrap();
    assert_eq!((mug.stock.get(), mug.version), (6, Version(2)));
    assert_eq!(OrderRepository::find(&other, order.id).await.unwrap(), Some(order.clone()));
    let again = other.place(&at_key("key", placement(2, ada.id, &[(1, 4)], at(3)))).await.unwrap();
    assert_eq!((again.order, again.replayed), (order, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn write_of_a_dropped_caller_is_reported() {
    let shop = shop(1, 100).await;
    let ada = new_user("ada").user.id;
    let (heard, mut hear) = tokio::sync::watch::channel(());
    shop.store.on_unseen_write(move || {
        heard.send_replace(());
        Box::pin(async {})
    });
    for gone in ["an order", "a change"] {
        hear.mark_unchanged();
        match gone {
            "an order" => drop(poll_once(shop.store.place(&placement(1, ada, &[(1, 2)], at(1))))),
            _ => drop(poll_once(shop.store.adjust_stock(product_id(1), &stock_change(1, at(1)), None))),
        }
        let told = tokio::time::timeout(std::time::Duration::from_secs(20), hear.changed()).await;
        assert!(told.is_ok(), "nobody heard of {gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_commands_are_reported_to_servers() {
    let server = Shop::new().await;
    let (heard, hear) = tokio::sync::watch::channel(0);
    server.store.on_unseen_write(move || {
        heard.send_modify(|times| *times += 1);
        Box::pin(async {})
    });
    let command = open(options(server.database.url())).await;
    for told in 1..=2 {
        // The first write may precede the server's first check.
        let told = async {
            while *hear.clone().borrow() < told {
                command.notify_of_writes().await.unwrap();
                let mut hear = hear.clone();
                tokio::time::timeout(std::time::Duration::from_secs(2), hear.changed()).await.ok();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), told).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_store_is_unavailable() {
    let shop = shop(1, 10).await;
    let ada = new_user("ada").user.id;
    shop.store.check().await.unwrap();
    let closing = shop.store.clone();
    // A second call does nothing and does not block.
    spawn_blocking(move || [closing.close(), closing.close()]).await.unwrap();

    assert!(matches!(shop.store.check().await, Err(Fault::Unavailable { dependency: "postgres", .. })));
    let found = UserRepository::find(&*shop.store, ada).await;
    assert!(matches!(found, Err(Fault::Unavailable { .. })), "{found:?}");
    let placed = shop.store.place(&placement(1, ada, &[(1, 1)], at(1))).await;
    assert!(matches!(placed, Err(PlaceError::Fault(Fault::Unavailable { .. }))), "{placed:?}");
    let user = UserRepository::insert(&*shop.store, &new_user("bob"), &cause(at(0))).await;
    assert!(matches!(user, Err(UserError::Fault(Fault::Unavailable { .. }))), "{user:?}");
    let stock = shop.store.adjust_stock(product_id(1), &stock_change(1, at(1)), None).await;
    assert!(matches!(stock, Err(ProductError::Fault(Fault::Unavailable { .. }))), "{stock:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_writes_are_detected_while_reads_work() {
    let shop = shop(1, 10).await;
    shop.store.check_writes().await.unwrap();
    let client = client(shop.database.url()).await;
    // The second simulates a full disk: it refuses the first byte of a temporary file.
    for setting in ["default_transaction_read_only = on", "temp_file_limit = 0"] {
        let alter =
            |rest: &str| format!("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {rest}', current_database()); END $$");
        client.batch_execute(&alter(&format!("SET {setting}"))).await.unwrap();
        let store = open(options(shop.database.url())).await;
        store.check().await.unwrap();
        assert!(store.check_writes().await.is_err(), "{setting}");
        client.batch_execute("SET default_transaction_read_only = off").await.unwrap();
        client.batch_execute(&alter("RESET ALL")).await.unwrap();
    }
}

/// Polls once: enough to queue the work, and too early for a result.
fn poll_once<T>(work: impl Future<Output = T>) -> Poll<T> {
    pin!(work).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_dropped_callers_is_completed_before_closing() {
    let shop = shop(1, 100).await;
    let ada = new_user("ada").user.id;
    for n in 1..=20 {
        // The futures are dropped at the end of these lines.
        let answer = poll_once(shop.store.place(&placement(n, ada, &[(1, 2)], at(1))));
        assert!(answer.is_pending(), "{answer:?}");
        let answer = poll_once(shop.store.adjust_stock(product_id(1), &stock_change(1, at(1)), None));
        assert!(answer.is_pending(), "{answer:?}");
    }
    let closing = shop.store.clone();
    spawn_blocking(move || closing.close()).await.unwrap();
    let other = open(options(shop.database.url())).await;
    for n in 1..=20 {
        assert!(OrderRepository::find(&other, order_id(n)).await.unwrap().is_some(), "order {n}");
    }
    let mug = ProductRepository::find(&other, product_id(1)).await.unwrap().unwrap();
    assert_eq!((mug.stock.get(), mug.version), (80, Version(41)));
}

/// Callers that are waiting when the store is closed get their results. Repeated, because a single run may succeed by
/// chance.
#[tokio::test(flavor = "multi_thread")]
async fn orders_queued_before_closing_are_answered() {
    let shop = shop(1, 1_000).await;
    let ada = new_user("ada").user.id;
    for round in 0..20_u128 {
        let store = open(options(shop.database.url())).await;
        let orders: Vec<_> = (1..=10).map(|n| placement(round * 10 + n, ada, &[(1, 1)], at(1))).collect();
        let mut answers: Vec<_> = orders.iter().map(|order| store.place(order)).collect();
        for answer in &mut answers {
            assert!(poll_once(answer).is_pending());
        }
        let closing = store.clone();
        spawn_blocking(move || closing.close()).await.unwrap();
        for (order, answer) in orders.iter().zip(answers) {
            assert_eq!(answer.await.unwrap().order.id, order.draft.id);
        }
    }
}

/// Concurrent orders in one batch, some of which are refused, replayed, or fail.
#[tokio::test(flavor = "multi_thread")]
async fn orders_of_one_batch_have_separate_results() {
    let shop = shop(1, 100).await;
    let ada = new_user("ada").user.id;
    ProductRepository::insert(&*shop.store, &product(2).stock(0).build(), &cause(at(0))).await.unwrap();
    let tasks: Vec<_> = (1..=200)
        .map(|n| {
            let store = shop.store.clone();
            let asked: &[(u128, i64)] = if n % 4 == 0 { &[(1, 1), (2, 1)] } else { &[(1, 1)] };
            // An order that exists already fails after the stock was taken, which has to be rolled back.
            let placement = placement(if n % 10 == 1 { 1 } else { n }, ada, asked, at(1));
            tokio::spawn(async move { store.place(&at_key(&format!("key-{n}"), placement)).await })
        })
        .collect();
    let mut placed = 0;
    for (n, task) in (1..).zip(tasks) {
        let answer = task.await.unwrap();
        match &answer {
            Ok(_) => placed += 1,
            Err(PlaceError::Refused(Refusal::InsufficientStock(_)) | PlaceError::Fault(Fault::Unknown(_))) => {}
            Err(other) => panic!("order {n}: {other:?}"),
        }
    }
    // Every fourth is refused; of the twenty attempts at order 1 one is placed and nineteen fail; the others take the
    // stock of a hundred.
    assert_eq!(placed, 100);
    let mug = ProductRepository::find(&*shop.store, product_id(1)).await.unwrap().unwrap();
    assert_eq!((mug.stock.get(), mug.version), (0, Version(101)));
}

/// Baskets with the same products in any order, some cancelled again, on two instances.
#[tokio::test(flavor = "multi_thread")]
async fn baskets_in_opposite_orders_do_not_deadlock() {
    const BASKETS: u128 = 600;
    let shop = shop(8, 10_000).await;
    let other = Arc::new(open(options(shop.database.url())).await);
    let ada = new_user("ada").user.id;
    let tasks: Vec<_> = (0..32_u128)
        .map(|buyer| {
            let store = if buyer % 2 == 0 { shop.store.clone() } else { other.clone() };
            tokio::spawn(async move {
                for n in (1..=BASKETS).filter(|n| n % 32 == buyer) {
                    let mut lines: Vec<_> = (1..=8).map(|product| (product, 1)).collect();
                    lines.rotate_left(usize::try_from(n % 8).unwrap());
                    if n % 2 == 0 {
                        lines.reverse();
                    }
                    let order = store.place(&placement(n, ada, &lines, at(1))).await.unwrap().order;
                    if n % 3 == 0 {
                        store.transition(order.id, &transition(OrderAction::Cancel, ada, at(2))).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for n in 1..=8 {
        let product = ProductRepository::find(&*shop.store, product_id(n)).await.unwrap().unwrap();
        assert_eq!(product.stock.get(), 10_000 - 400, "product {n}");
    }
    let client = client(shop.database.url()).await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(client.query_one(deadlocks, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Without statistics of a new table PostgreSQL guesses, which must not make each order read the whole table.
#[tokio::test(flavor = "multi_thread")]
async fn key_lookup_uses_the_index_without_statistics() {
    const ORDERS: u128 = 300;
    let shop = shop(1, 1_000).await;
    let client = client(shop.database.url()).await;
    client.execute("ALTER TABLE idempotency_keys SET (autovacuum_enabled = false)", &[]).await.unwrap();
    let ada = new_user("ada").user.id;
    for n in 1..=ORDERS {
        shop.store.place(&at_key(&format!("key-{n}"), placement(n, ada, &[(1, 1)], at(1)))).await.unwrap();
    }
    // Connections report their statistics at the latest when they close.
    let Shop { store, database: _database } = shop;
    spawn_blocking(move || store.close()).await.unwrap();
    let counted = "SELECT n_tup_ins, coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables
        WHERE relname = 'idempotency_keys'";
    let deadline = Instant::now() + Duration::from_secs(30);
    let read: i64 = loop {
        let row = client.query_one(counted, &[]).await.unwrap();
        if row.get::<_, i64>(0) == i64::try_from(ORDERS).unwrap() {
            break row.get(1);
        }
        assert!(Instant::now() < deadline, "not counted: {row:?}");
        tokio::task::yield_now().await;
    };
    assert!(read < 1_000, "{read} keys were read for {ORDERS} orders");
}

/// Two statements of one session may go to two servers there, unless they are in a transaction.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_behind_pgbouncer_keep_no_state() {
    let database = database().await;
    let url = format!("{}&pgbouncer=true", database.url());
    let store = open(options(&url)).await;
    let ada = new_user("ada");
    UserRepository::insert(&store, &ada, &cause(at(0))).await.unwrap();
    ProductRepository::insert(&store, &product(1).stock(10).build(), &cause(at(0))).await.unwrap();
    for n in 1..=3 {
        let order = at_key("key", placement(n, ada.user.id, &[(1, 1)], at(1)));
        assert_eq!(store.place(&order).await.unwrap().replayed, n > 1);
    }
    let found = UserRepository::find(&store, ada.user.id).await.unwrap();
    assert_eq!(found, Some(ada.user));
    // The server reports on all of its connections at once.
    let client = client(database.url()).await;
    let settings = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^SET [^L]'";
    assert_eq!(client.query_one(settings, &[]).await.unwrap().get::<_, i64>(0), 0);
}

fn newest() -> OrderQuery {
    OrderQuery {
        filter: OrderFilter::default(),
        sort: Sort::parse("-createdAt").unwrap(),
        window: Window::After { place: None, limit: Limit::default() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_returns_all_committed_writes() {
    let mut primary = Postgres::start().await.unwrap();
    let url = primary.create_database("shop").await.unwrap();
    let replica = primary.replica().await.unwrap();
    let with_replica = options(&url).replica(Some(options(&replica.url("shop"))));
    let migrated = options(&url);
    spawn_blocking(move || migrate(&migrated)).await.unwrap().unwrap();
    let store = open(with_replica).await;
    let ada = new_user("ada").user.id;
    UserRepository::insert(&store, &new_user("ada"), &cause(at(0))).await.unwrap();
    ProductRepository::insert(&store, &product(1).stock(1_000).build(), &cause(at(0))).await.unwrap();
    for n in 1..=50 {
        store.place(&placement(n, ada, &[(1, 1)], at(i64::try_from(n).unwrap()))).await.unwrap();
        let listed = OrderRepository::list(&store, &newest()).await.unwrap();
        assert_eq!(listed.items[0].id, order_id(n));
    }
    // A replica that does not replay is awaited briefly, and then skipped.
    let standing = client(&replica.url("shop")).await;
    standing.batch_execute("SELECT pg_wal_replay_pause()").await.unwrap();
    store.place(&placement(51, ada, &[(1, 1)], at(51))).await.unwrap();
    assert_eq!(OrderRepository::list(&store, &newest()).await.unwrap().items[0].id, order_id(51));
    standing.batch_execute("SELECT pg_wal_replay_resume()").await.unwrap();
    drop(replica);
    store.place(&placement(52, ada, &[(1, 1)], at(52))).await.unwrap();
    assert_eq!(OrderRepository::list(&store, &newest()).await.unwrap().items[0].id, order_id(52));
    let catalogue = ProductQuery {
        filter: ProductFilter::default(),
        sort: Sort::parse("name").unwrap(),
        window: Window::After { place: None, limit: Limit::default() },
    };
    assert_eq!(ProductRepository::list(&store, &catalogue).await.unwrap().items.len(), 1);
    spawn_blocking(move || store.close()).await.unwrap();
    primary.stop().await.unwrap();
}
