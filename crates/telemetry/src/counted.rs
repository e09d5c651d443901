//! Business metrics: orders and logins, counted by outcome, from every edge.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Listing, MetricSource, OrderId, Sample, UserId,
    auth::LoginObserver,
    order::{
        Order, OrderEvent, OrderQuery, OrderRepository, PlaceError, Placed, Placement, Transition, TransitionError,
        Transitioned,
    },
};

/// Counts successes, and failures by error code.
#[derive(Default)]
struct Outcomes {
    successes: AtomicU64,
    failures: Mutex<BTreeMap<&'static str, u64>>,
}

impl Outcomes {
    fn count(&self, outcome: Result<(), &'static str>) {
        match outcome {
            Ok(()) => {
                self.successes.fetch_add(1, Ordering::Relaxed);
            }
            Err(code) => {
                let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                *failures.entry(code).or_default() += 1;
            }
        }
    }

    fn samples(&self, success: (&'static str, &'static str), failure: (&'static str, &'static str)) -> Vec<Sample> {
        let (name, help) = success;
        let successes = Sample::counter(name, help, self.successes.load(Ordering::Relaxed));
        let (name, help) = failure;
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = failures.iter().map(|(code, count)| Sample::counter(name, help, *count).with("code", code));
        std::iter::once(successes).chain(failures).collect()
    }
}

/// Counts orders that are placed and refused. Replays of an idempotency key are not counted.
pub struct CountedOrders {
    inner: Arc<dyn OrderRepository>,
    outcomes: Outcomes,
}

impl CountedOrders {
    /// Creates a decorator of `inner`.
    pub fn new(inner: Arc<dyn OrderRepository>) -> Self {
        Self { inner, outcomes: Outcomes::default() }
    }
}

impl MetricSource for CountedOrders {
    fn samples(&self) -> Vec<Sample> {
        self.outcomes.samples(
            ("orders_placed_total", "Orders placed, without replays."),
            ("orders_refused_total", "Orders not placed, by error code."),
        )
    }
}

/// An order that is being placed. If it is dropped before the end, because its caller gave up on it, it counts as
/// `unavailable`.
struct Placing<'a> {
    outcomes: &'a Outcomes,
    ended: bool,
}

impl Placing<'_> {
    fn end(mut self, placed: &Result<Placed, PlaceError>) {
        self.ended = true;
        match placed {
            Ok(Placed { replayed: true, .. }) => {}
            Ok(Placed { replayed: false, .. }) => self.outcomes.count(Ok(())),
            Err(error) => self.outcomes.count(Err(error.code())),
        }
    }
}

impl Drop for Placing<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.outcomes.count(Err("unavailable"));
        }
    }
}

#[async_trait]
impl OrderRepository for CountedOrders {
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError> {
        let placing = Placing { outcomes: &self.outcomes, ended: false };
        let placed = self.inner.place(placement).await;
        placing.end(&placed);
        placed
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, Fault> {
        self.inner.find(id).await
    }

    async fn list(&self, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
        self.inner.list(query).await
    }

    async fn transition(&self, id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError> {
        self.inner.transition(id, transition).await
    }

    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault> {
        self.inner.events(id).await
    }

    async fn latest_of(&self, users: &[UserId], count: u32) -> Result<Vec<Order>, Fault> {
        self.inner.latest_of(users, count).await
    }

    async fn events_of(&self, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
        self.inner.events_of(ids).await
    }
}

/// Counts logins that succeed and fail.
#[derive(Default)]
pub struct CountedLogins(Outcomes);

impl LoginObserver for CountedLogins {
    fn login_ended(&self, outcome: Result<(), &'static str>) {
        self.0.count(outcome);
    }
}

impl MetricSource for CountedLogins {
    fn samples(&self) -> Vec<Sample> {
        self.0.samples(
            ("logins_total", "Logins that succeeded."),
            ("logins_failed_total", "Logins that did not, by error code."),
        )
    }
}
