//! How many orders a second this store takes, of a server that is empty and up to date (or throw-away, without a URL):
//! `cargo run --release -p entrepot-postgres --example place_load [URL [WRITERS]]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, to be read by a person")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use entrepot_domain::{UserId, order::OrderRepository, product::ProductRepository, user::UserRepository};
use entrepot_postgres::{PostgresOptions, PostgresStore, migrate};
use entrepot_testkit::{Postgres, at, at_key, cause, new_user, placement, product};
use tokio::task::spawn_blocking;

/// How many products there are; each is in many orders.
const PRODUCTS: u64 = 2_000;

/// How long each measurement takes.
const TIME: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let server = Postgres::start().await.unwrap();
    let url = match arguments.next() {
        Some(url) => url,
        None => server.create_database("load").await.unwrap(),
    };
    let writers = arguments.next().map_or(1, |writers| writers.parse().unwrap());
    let options = PostgresOptions::parse(&url).unwrap().writers(writers);
    let open = move || migrate(&options).and_then(|_| PostgresStore::open(&options));
    let store = Arc::new(spawn_blocking(open).await.unwrap().unwrap());
    let buyer = new_user("buyer");
    UserRepository::insert(&*store, &buyer, &cause(at(0))).await.unwrap();
    for n in 1..=PRODUCTS {
        let product = product(n.into()).stock(1 << 40).build();
        ProductRepository::insert(&*store, &product, &cause(at(0))).await.unwrap();
    }
    let orders = Arc::new(AtomicU64::new(0));
    for (callers, lines) in [(1, 3), (8, 3), (32, 3), (8, 26), (32, 26), (8, 674)] {
        let before = orders.load(Ordering::Relaxed);
        let started = Instant::now();
        let tasks: Vec<_> =
            (0..callers).map(|_| tokio::spawn(buy(store.clone(), orders.clone(), buyer.user.id, lines))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let placed = orders.load(Ordering::Relaxed) - before;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap();
        println!("{callers:>3} callers, {lines:>3} lines: {:>6} orders/s", placed * 1_000 / millis);
    }
    spawn_blocking(move || store.close()).await.unwrap();
}

/// Places one order after the other, each with a key, until the time is over.
async fn buy(store: Arc<PostgresStore>, orders: Arc<AtomicU64>, buyer: UserId, lines: u64) {
    let end = Instant::now() + TIME;
    while Instant::now() < end {
        let n = orders.fetch_add(1, Ordering::Relaxed);
        let basket: Vec<_> = (0..lines).map(|line| (u128::from(1 + (n * 37 + line * 3) % PRODUCTS), 1)).collect();
        let order = at_key(&format!("key-{n}"), placement(n.into(), buyer, &basket, at(0)));
        store.place(&order).await.unwrap();
    }
}
