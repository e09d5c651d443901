//! Somebody to be measured: an address, what can be bought there, and the bytes that are sent.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    load::{self, Crowd},
    process,
};

/// A service with a catalogue, and one customer who is logged in.
pub(crate) struct Contender {
    pub name: &'static str,
    pub pid: u32,
    pub address: SocketAddr,
    /// What stands before `/products` and `/orders`.
    pub base: &'static str,
    pub token: String,
    pub products: Vec<String>,
    keys: AtomicU64,
}

/// What a load came to.
pub(crate) struct Outcome {
    /// Requests a second.
    pub rate: f64,
    /// What the slowest of a hundred waited, in milliseconds.
    pub p99: f64,
    /// CPU time of the service for each request, in microseconds.
    pub cpu: f64,
    /// How many were answered with another status than they should have been.
    pub refused: u32,
}

impl Contender {
    pub(crate) fn new(
        name: &'static str,
        pid: u32,
        address: SocketAddr,
        base: &'static str,
        token: String,
        products: Vec<String>,
    ) -> Result<Self> {
        ensure!(!products.is_empty(), "{name} has nothing to sell");
        Ok(Self { name, pid, address, base, token, products, keys: AtomicU64::new(0) })
    }

    /// Looks at products, one after the other.
    pub(crate) fn look(&self, connections: usize, count: usize) -> Result<Outcome> {
        self.measure(Crowd { connections, threads: 1, count }, 200, |connection, n| {
            let (base, product) = (self.base, self.product(connection * 7_919 + n * 31));
            format!("GET {base}/products/{product} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address).into_bytes()
        })
    }

    /// Orders three products, one of each.
    pub(crate) fn order_three(&self, connections: usize, count: usize) -> Result<Outcome> {
        self.measure(Crowd { connections, threads: connections, count }, 201, |connection, n| {
            let items = (0..3).map(|more| (self.product(connection * 7_919 + n * 17 + more * 5), 1));
            self.order(&basket(items))
        })
    }

    /// Places real baskets, `count` of them on each connection.
    pub(crate) fn order_baskets(&self, connections: usize, count: usize, baskets: &[String]) -> Result<Outcome> {
        self.measure(Crowd { connections, threads: connections, count }, 201, |connection, n| {
            let place = (connection * count + n).checked_rem(baskets.len()).unwrap_or_default();
            self.order(baskets.get(place).map_or("{}", String::as_str))
        })
    }

    fn measure(
        &self,
        crowd: Crowd,
        expected: u16,
        request: impl Fn(usize, usize) -> Vec<u8> + Sync,
    ) -> Result<Outcome> {
        let before = process::cpu(self.pid)?;
        let load = load::run(self.address, crowd, expected, request)?;
        let cpu = process::cpu(self.pid)?.saturating_sub(before);
        Ok(Outcome {
            rate: f64::from(load.requests) / load.took.as_secs_f64(),
            p99: load.p99.as_secs_f64() * 1e3,
            cpu: cpu.as_secs_f64() * 1e6 / f64::from(load.requests),
            refused: load.refused,
        })
    }

    fn order(&self, body: &str) -> Vec<u8> {
        let key = self.keys.fetch_add(1, Ordering::Relaxed);
        format!(
            "POST {}/orders HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nidempotency-key: order-{key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.base,
            self.address,
            self.token,
            body.len(),
        )
        .into_bytes()
    }

    fn product(&self, n: usize) -> &str {
        n.checked_rem(self.products.len()).and_then(|n| self.products.get(n)).map_or("", String::as_str)
    }
}

/// So many of each product, as an order's body.
pub(crate) fn basket<'a>(lines: impl Iterator<Item = (&'a str, i64)>) -> String {
    let items: Vec<Value> =
        lines.map(|(product, quantity)| json!({"productId": product, "quantity": quantity})).collect();
    json!({ "items": items }).to_string()
}
