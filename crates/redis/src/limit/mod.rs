//! The rate limits.

mod counter;
mod queue;
mod script;

use std::{convert::Infallible, sync::Arc, time::Instant};

use async_trait::async_trait;
use entrepot_domain::{Quota, RateLimitDecision, RateLimiter, Subject};
use quick_cache::sync::Cache;
use tokio::task::AbortHandle;

use self::{
    counter::LocalDecision,
    queue::{Queue, Tracked},
    script::Operation,
};
use crate::{client::connection::Connection, lifecycle::Redis};

/// How many subjects are remembered in the process; those that are seen least are dropped first. Only what was learnt
/// in the last second is of use.
const MAX_SUBJECTS: usize = 10_000;

/// Counts in fixed windows that begin with a subject's first hit, over all instances.
///
/// All hits that wait are sent to Redis together, in one call; what arrives while it is under way goes with the next.
///
/// **Near the limit, a hit waits until Redis has counted it.** So does every hit of a subject of which this instance has
/// learnt nothing for a second, and every hit under a limit below 128, such as the five failed logins and the hundred
/// requests of an address: those limits are exact.
///
/// **Far from it, a hit does not wait.** While more than an eighth of the limit is left, an instance lets a subject's
/// hits through at once and reports them to Redis some 10 ms later, in one call for all subjects. The bound: of a limit
/// of `n`, at most `n / 128` hits of a subject are let through by one instance and not counted yet; of the default limit
/// of 1,000 requests that is seven. It follows:
///
/// - One instance alone never exceeds a limit. Several may exceed it by `n / 128` for each of them, if the last eighth
///   is used up within a second, and by nothing otherwise.
/// - `remaining` includes all hits of this instance. It may lack those of other instances from the last second.
/// - When an instance or Redis dies, the hits of its last moment that were not counted are forgotten: at most `n / 128`
///   for a subject.
///
/// A refusal is repeated without asking for up to a second of the same window.
///
/// A hit is sent once. If Redis does not answer in time, another limiter decides, in the process, and so it does until
/// Redis can be reached again. Redis may have counted such a hit nevertheless.
pub struct RedisLimiter {
    connection: Arc<Connection>,
    queue: Arc<Queue>,
    subjects: Cache<Subject, Arc<Tracked>>,
    fallback: Arc<dyn RateLimiter>,
    task: AbortHandle,
}

impl RedisLimiter {
    /// A limiter on Redis, and another one for as long as Redis does not answer.
    pub fn new(redis: Redis, fallback: Arc<dyn RateLimiter>) -> Self {
        let connection = redis.connection;
        let queue = Arc::new(Queue::new(connection.clone()));
        let task = connection.spawn(queue.clone().send_all());
        Self { connection, queue, subjects: Cache::new(MAX_SUBJECTS), fallback, task }
    }

    fn tracked(&self, subject: &Subject) -> Arc<Tracked> {
        let new = || Ok::<_, Infallible>(Arc::new(Tracked::new(self.connection.keys.counter(subject))));
        self.subjects.get_or_insert_with(subject, new).unwrap_or_else(|never| match never {})
    }
}

impl Drop for RedisLimiter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn hit(&self, subject: &Subject, quota: Quota) -> RateLimitDecision {
        if !self.connection.breaker.is_closed() {
            return self.fallback.hit(subject, quota).await;
        }
        let tracked = self.tracked(subject);
        let decision = tracked.counter().hit(quota, Instant::now());
        match decision {
            LocalDecision::Refused(decision) => return decision,
            LocalDecision::Allowed { decision, needs_report } => {
                if needs_report {
                    self.queue.report(tracked, quota);
                }
                return decision;
            }
            LocalDecision::Ask => {}
        }
        match self.queue.ask(tracked, quota, Operation::Hit).await {
            Some(decision) => decision,
            None => self.fallback.hit(subject, quota).await,
        }
    }

    async fn peek(&self, subject: &Subject, quota: Quota) -> RateLimitDecision {
        if self.connection.breaker.is_closed()
            && let Some(decision) = self.queue.ask(self.tracked(subject), quota, Operation::Peek).await
        {
            return decision;
        }
        self.fallback.peek(subject, quota).await
    }
}
