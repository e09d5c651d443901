//! A service to be measured: its processes, its customers, what can be bought there, and the bytes that are sent.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    ground::Processes,
    load::{self, Length},
    process,
};

/// How many customers take turns.
pub(crate) const CUSTOMERS: usize = 1_500;
/// How many products the catalogue has.
pub(crate) const PRODUCTS: usize = 10_000;
/// How many of each there are: more than the best seller sells in all runs.
pub(crate) const STOCK: i64 = 1_000_000_000;
/// How many of the first pages of the catalogue are asked for.
const PAGES: usize = 50;
/// For how long each kind of work is measured, and how long it goes on before.
const MEASURED: Duration = Duration::from_secs(6);
const WARM_UP: Duration = Duration::from_secs(1);

/// A service with a catalogue and customers who are logged in.
pub(crate) struct Contender {
    pub name: &'static str,
    pub pid: u32,
    pub address: SocketAddr,
    /// What stands before `/products` and `/orders`.
    pub base: &'static str,
    /// The access token of each customer.
    pub tokens: Vec<String>,
    pub products: Vec<String>,
    /// An order of each customer.
    pub orders: Vec<String>,
    /// Real baskets, as the bodies of orders.
    pub baskets: Vec<String>,
    /// How many requests were made: it decides who makes the next one, and what it is about.
    pub made: AtomicUsize,
}

/// What customers do.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Product,
    Page,
    OwnOrder,
    OrderOfThree,
    Basket,
}

impl Work {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Product => "cached product",
            Self::Page => "page of 20 products",
            Self::OwnOrder => "own order",
            Self::OrderOfThree => "order of 3 lines",
            Self::Basket => "real basket",
        }
    }

    const fn expected(self) -> u16 {
        match self {
            Self::Product | Self::Page | Self::OwnOrder => 200,
            Self::OrderOfThree | Self::Basket => 201,
        }
    }
}

/// What a load came to.
pub(crate) struct Outcome {
    /// Requests a second.
    pub rate: f64,
    /// In milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// CPU time for each request of the service, of PostgreSQL and of Redis, in microseconds; of the latter two if they
    /// run on this machine.
    pub cpu: [Option<f64>; 3],
    /// How many were answered with another status than they should have been.
    pub refused: u32,
}

impl Contender {
    /// Has customers do that on so many connections.
    pub(crate) fn measure(&self, work: Work, connections: usize, stores: &Processes) -> Result<Outcome> {
        let run =
            |time| load::run(self.address, connections, Length::Time(time), work.expected(), |_| self.request(work));
        run(WARM_UP)?;
        let processes = [Some(self.pid), stores.postgres, stores.redis];
        let cpu = || processes.map(|pid| pid.and_then(|pid| process::cpu_of_family(pid).ok()));
        let before = cpu();
        let load = run(MEASURED)?;
        let used = before.into_iter().zip(cpu()).map(|(before, after)| Some(after?.saturating_sub(before?)));
        let each = |used: Duration| used.as_secs_f64() * 1e6 / f64::from(load.requests.max(1));
        let mut used = used.map(|used| used.map(each));
        Ok(Outcome {
            rate: f64::from(load.requests) / load.took.as_secs_f64(),
            p50: load.p50.as_secs_f64() * 1e3,
            p99: load.p99.as_secs_f64() * 1e3,
            cpu: std::array::from_fn(|_| used.next().flatten()),
            refused: load.refused,
        })
    }

    fn request(&self, work: Work) -> Vec<u8> {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        match work {
            Work::Product => self.get(n, &format!("/products/{}", nth(&self.products, spread(n)))),
            Work::Page => self.get(n, &format!("/products?limit=20&page={}", 1 + spread(n) % PAGES)),
            Work::OwnOrder => self.get(n, &format!("/orders/{}", nth(&self.orders, n))),
            Work::OrderOfThree => {
                self.order(n, &basket((0..3).map(|more| (nth(&self.products, spread(n) + more * 17), 1))))
            }
            Work::Basket => self.order(n, nth(&self.baskets, n)),
        }
    }

    fn get(&self, n: usize, path: &str) -> Vec<u8> {
        let (base, token) = (self.base, nth(&self.tokens, n));
        format!("GET {base}{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n", self.address)
            .into_bytes()
    }

    fn order(&self, n: usize, body: &str) -> Vec<u8> {
        format!(
            "POST {}/orders HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: order-{n}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.base,
            self.address,
            nth(&self.tokens, n),
            body.len(),
        )
        .into_bytes()
    }
}

/// So many of each product, as an order's body.
pub(crate) fn basket<'a>(lines: impl Iterator<Item = (&'a str, i64)>) -> String {
    let items: Vec<Value> =
        lines.map(|(product, quantity)| json!({"productId": product, "quantity": quantity})).collect();
    json!({ "items": items }).to_string()
}

/// The element with this number, counted around.
fn nth(all: &[String], n: usize) -> &str {
    n.checked_rem(all.len()).and_then(|n| all.get(n)).map_or("", String::as_str)
}

/// A number for each number, in no order that a cache or an index could make use of.
fn spread(n: usize) -> usize {
    n.wrapping_mul(2_654_435_761) >> 7
}
