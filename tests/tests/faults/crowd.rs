//! Customers who order all the time, and retry until they succeed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use entrepot_tests::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::shop::{Shop, unavailable};

/// The delay before a retry; shorter than `Retry-After` asks for, which is more load for the server.
const HASTE: Duration = Duration::from_millis(100);

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A read of a product.
    Look,
    /// An order.
    Order,
}

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pub(crate) buyer: usize,
    pub(crate) kind: Kind,
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    pub(crate) status: u16,
}

impl Attempt {
    /// Whether it is an order that was placed, by a request sent after that moment.
    pub(crate) fn sold_since(&self, moment: Instant) -> bool {
        self.kind == Kind::Order && self.status == 201 && self.begun >= moment
    }
}

/// An order that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Sale {
    pub(crate) key: String,
    pub(crate) id: String,
    /// What was ordered, and how many.
    pub(crate) lines: Vec<(String, i64)>,
}

/// The requests and orders of all customers.
#[derive(Default)]
struct Diary {
    closing: AtomicBool,
    attempts: Mutex<Vec<Attempt>>,
    sales: Mutex<Vec<Sale>>,
}

/// Customers who send requests.
pub(crate) struct Crowd {
    diary: Arc<Diary>,
    buyers: JoinSet<Result<()>>,
}

impl Crowd {
    /// Starts as many customers.
    pub(crate) fn enter(shop: &Shop, buyers: usize) -> Self {
        let diary = Arc::new(Diary::default());
        let mut tasks = JoinSet::new();
        for (number, client) in shop.buyers.iter().take(buyers).cloned().enumerate() {
            let buyer = Buyer { number, client, products: shop.products.clone(), diary: diary.clone() };
            tasks.spawn(buyer.shop());
        }
        Self { diary, buyers: tasks }
    }

    /// All attempts until now.
    pub(crate) fn attempts(&self) -> MutexGuard<'_, Vec<Attempt>> {
        lock(&self.diary.attempts)
    }

    /// Waits until a condition holds for the attempts; fails as soon as a customer does.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        patience: Duration,
        done: impl Fn(&[Attempt]) -> bool,
    ) -> Result<Duration> {
        let begun = Instant::now();
        while !done(&self.attempts()) {
            if let Some(ended) = self.buyers.try_join_next() {
                ended??;
                bail!("a customer has gone");
            }
            ensure!(begun.elapsed() < patience, "not in {patience:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(begun.elapsed())
    }

    /// Waits until so many orders were placed that were asked for after that moment, and one at least by each customer.
    pub(crate) async fn until_sold(&mut self, orders: usize, since: Instant, patience: Duration) -> Result<Duration> {
        let buyers = self.buyers.len();
        let what = format!("{orders} orders, some of each of {buyers} customers");
        let sold = |attempts: &[Attempt]| {
            let sold = || attempts.iter().filter(|attempt| attempt.sold_since(since));
            sold().count() >= orders && (0..buyers).all(|number| sold().any(|attempt| attempt.buyer == number))
        };
        self.until(&what, patience, sold).await
    }

    /// Waits until so many attempts failed that began after that moment.
    pub(crate) async fn until_refused(&mut self, times: usize, since: Instant, patience: Duration) -> Result<Duration> {
        let refused = |attempts: &[Attempt]| {
            attempts.iter().filter(|attempt| attempt.status == 503 && attempt.begun >= since).count() >= times
        };
        self.until(&format!("{times} refusals"), patience, refused).await
    }

    /// Lets each customer finish the current order; returns all attempts and all acknowledged orders.
    pub(crate) async fn leave(mut self) -> Result<(Vec<Attempt>, Vec<Sale>)> {
        self.diary.closing.store(true, Ordering::Relaxed);
        while let Some(ended) = self.buyers.join_next().await {
            ended??;
        }
        let take = (std::mem::take(&mut *self.attempts()), std::mem::take(&mut *lock(&self.diary.sales)));
        Ok(take)
    }
}

/// The share of the attempts, in percent, took no longer than this.
pub(crate) fn percentile(percent: usize, took: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<_> = took.collect();
    all.sort_unstable();
    let place = (all.len() * percent).div_ceil(100).saturating_sub(1);
    all.get(place).copied().unwrap_or_default()
}

struct Buyer {
    number: usize,
    client: Client,
    products: Vec<String>,
    diary: Arc<Diary>,
}

impl Buyer {
    async fn shop(self) -> Result<()> {
        let mut n = 0;
        while !self.diary.closing.load(Ordering::Relaxed) {
            self.look(n).await?;
            self.buy(n).await?;
            n += 1;
        }
        Ok(())
    }

    async fn look(&self, n: usize) -> Result<()> {
        let path = format!("/products/{}", self.products[n % self.products.len()]);
        let answer = self.attempt(Kind::Look, self.client.get(&path)).await?;
        if answer.status != 200 {
            unavailable(&answer)?;
        }
        Ok(())
    }

    /// Places one order, and retries it with its key as long as the response is a 503.
    async fn buy(&self, n: usize) -> Result<()> {
        let key = format!("{}-{n}", self.number);
        let product = |more: usize| self.products[(self.number + n + more) % self.products.len()].clone();
        let lines: Vec<_> = (0..3).zip(1..).map(|(more, quantity)| (product(more), quantity)).collect();
        let items: Vec<Value> =
            lines.iter().map(|(product, quantity)| json!({"productId": product, "quantity": quantity})).collect();
        loop {
            let header = ("idempotency-key", key.as_str());
            let order = self.client.with(Method::POST, "/orders", header, Some(json!({"items": items})));
            let answer = self.attempt(Kind::Order, order).await?;
            if answer.status == 201 {
                lock(&self.diary.sales).push(Sale { key, id: answer.id(), lines });
                return Ok(());
            }
            unavailable(&answer)?;
            tokio::time::sleep(HASTE).await;
        }
    }

    async fn attempt(&self, kind: Kind, request: impl Future<Output = Result<Answer>>) -> Result<Answer> {
        let begun = Instant::now();
        let answer = request.await?;
        let attempt = Attempt { buyer: self.number, kind, begun, took: begun.elapsed(), status: answer.status };
        lock(&self.diary.attempts).push(attempt);
        Ok(answer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
