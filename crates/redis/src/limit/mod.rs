//! The limits.

mod counter;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use entrepot_domain::{Quota, RateLimiter, Subject, Verdict};
use fred::types::{Key, Value};
use quick_cache::sync::Cache as Counters;
use tokio::sync::oneshot;

use self::counter::{Answer, Back, Counter, Question, Step};
use crate::{
    client::{connection::Connection, script::Script},
    lifecycle::Redis,
};

/// How many subjects are remembered in the process; those that are seen least are forgotten first. It is of use for those
/// that are seen all the time, and what is forgotten is given back all the same.
const SUBJECTS: usize = 10_000;

/// Of less than so many that are left, none is taken in advance.
const PLENTY: u32 = 1_000;

/// No more than so many are taken in advance at once: for a busy instance the work of some 50 ms, of which half must be
/// longer than Redis takes to answer on a machine that has much else to do.
const MOST: u32 = 4_096;

/// Longest window, as Redis cannot count for ever.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Gives back what was taken from the same window and not used, counts a hit if it is within the limit, and takes some
/// more in advance. The window begins with the first that is counted.
const COUNT: &str = r"
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local back, back_left = tonumber(ARGV[3]), tonumber(ARGV[4])
local hit, ahead = ARGV[5] == '1', ARGV[6] == '1'
local left = redis.call('PTTL', KEYS[1])
local count, change, granted = 0, 0, 0
if left >= 0 then
  count = tonumber(redis.call('GET', KEYS[1])) or 0
  if left <= back_left then
    change = -math.min(back, count)
  end
  if left > window then
    redis.call('PEXPIRE', KEYS[1], window)
  end
end
local allowed = count + change < limit
if hit and allowed then
  change = change + 1
end
local rest = limit - count - change
if ahead and rest >= tonumber(ARGV[7]) then
  granted = math.min(math.floor(rest / 8), tonumber(ARGV[8]))
  change = change + granted
end
if left < 0 then
  if change > 0 then
    redis.call('SET', KEYS[1], change, 'PX', window)
  end
  left = window
elseif change ~= 0 then
  redis.call('INCRBY', KEYS[1], change)
end
return {allowed and 1 or 0, count + change, math.min(left, window), granted}
";

/// Counts in fixed windows that begin with a subject's first hit, exactly over all instances: every hit is counted in
/// Redis before it is allowed.
///
/// A subject that hits more than once in a millisecond is not worth a round trip each time. Its instance counts up to
/// an eighth of what is left in advance, gives back what it did not use as soon as 20 ms go by without such a hit, and
/// counts more when half is used. So the limit is never exceeded, by however many instances; and hits that come
/// slowly, or when less than a thousand are left, are counted one by one, with the exact remainder. A refusal is
/// repeated for a millisecond without asking.
///
/// What is taken in advance and not given back, because the instance or Redis dies in that moment, stays counted
/// until the window ends.
///
/// While Redis cannot be reached, another limiter counts: one in the process.
pub struct RedisLimiter {
    inner: Arc<Inner>,
    fallback: Arc<dyn RateLimiter>,
}

struct Inner {
    connection: Arc<Connection>,
    counters: Counters<Subject, Arc<Mutex<Counter>>>,
    count: Script,
}

impl RedisLimiter {
    /// A limiter on Redis, and another one for as long as Redis does not answer.
    pub fn new(redis: Redis, fallback: Arc<dyn RateLimiter>) -> Self {
        let counters = Counters::new(SUBJECTS);
        Self { inner: Arc::new(Inner { connection: redis.connection, counters, count: Script::new(COUNT) }), fallback }
    }
}

impl Inner {
    fn counter(&self, subject: &Subject) -> Arc<Mutex<Counter>> {
        let new = || Ok::<_, Infallible>(Arc::default());
        self.counters.get_or_insert_with(subject, new).unwrap_or_else(|never| match never {})
    }

    /// Asks Redis about a hit; nothing if it does not answer.
    async fn asked(
        self: &Arc<Self>,
        subject: &Subject,
        counter: Arc<Mutex<Counter>>,
        quota: Quota,
        question: Question,
    ) -> Option<Verdict> {
        let key = self.connection.keys.counter(subject);
        if question.ahead {
            self.ask_ahead(key, counter, quota, question).await.ok().flatten()
        } else {
            self.ask(key, &counter, quota, question).await
        }
    }

    /// Asks Redis, and remembers the answer.
    async fn ask(&self, key: Key, counter: &Mutex<Counter>, quota: Quota, question: Question) -> Option<Verdict> {
        let answer = self.run(key, quota, question.back, question.hit, question.ahead).await;
        let mut counter = lock(counter);
        if answer.is_none() {
            counter.give_up(&question);
        }
        answer.map(|answer| counter.learn(quota, &question, answer, Instant::now()))
    }

    /// Asks Redis to count some in advance. That happens in a task of its own, for what is counted in advance must be
    /// given back, whether the caller still waits or not.
    fn ask_ahead(
        self: &Arc<Self>,
        key: Key,
        counter: Arc<Mutex<Counter>>,
        quota: Quota,
        question: Question,
    ) -> oneshot::Receiver<Option<Verdict>> {
        let (answer, answered) = oneshot::channel();
        let inner = self.clone();
        self.connection.runtime.spawn(async move {
            answer.send(inner.ask(key.clone(), &counter, quota, question).await).ok();
            if lock(&counter).begin_to_settle() {
                inner.settle(key, &counter, quota).await;
            }
        });
        answered
    }

    /// Waits until nothing of what was counted in advance may be used any more, and gives back what is left.
    async fn settle(&self, key: Key, counter: &Mutex<Counter>, quota: Quota) {
        let back = loop {
            let settled = lock(counter).settle(Instant::now());
            match settled {
                Ok(back) => break back,
                Err(kept) => tokio::time::sleep_until(kept.into()).await,
            }
        };
        if back.hits > 0 {
            self.run(key, quota, back, false, false).await;
        }
    }

    async fn run(&self, key: Key, quota: Quota, back: Back, hit: bool, ahead: bool) -> Option<Answer> {
        let args = vec![
            number(quota.limit),
            number(quota.window.clamp(Duration::from_millis(1), YEAR).as_millis()),
            number(back.hits),
            number(back.left.as_millis()),
            number(u8::from(hit)),
            number(u8::from(ahead)),
            number(PLENTY),
            number(MOST),
        ];
        let answer = self.connection.run(&self.count, vec![key], args).await?;
        let understood = understand(&answer);
        if understood.is_none() {
            self.connection.note_unexpected(&answer);
        }
        understood
    }
}

fn understand(answer: &Value) -> Option<Answer> {
    let Value::Array(parts) = answer else { return None };
    let [allowed, count, left, granted] = parts.as_slice() else { return None };
    Some(Answer {
        allowed: allowed.as_i64()? == 1,
        // More than that is counted only if many instances count in advance under a limit of that size.
        count: u32::try_from(count.as_i64()?).unwrap_or(u32::MAX),
        left: Duration::from_millis(left.as_u64()?),
        granted: u32::try_from(granted.as_i64()?).ok()?,
    })
}

fn number(n: impl TryInto<i64>) -> Value {
    Value::Integer(n.try_into().unwrap_or(i64::MAX))
}

/// A holder that panicked left nothing half done behind.
fn lock(counter: &Mutex<Counter>) -> MutexGuard<'_, Counter> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn hit(&self, subject: &Subject, quota: Quota) -> Verdict {
        let inner = &self.inner;
        if inner.connection.breaker.enter().is_none() {
            return self.fallback.hit(subject, quota).await;
        }
        let counter = inner.counter(subject);
        let step = lock(&counter).hit(quota, Instant::now());
        let question = match step {
            Step::Decided(verdict) => return verdict,
            Step::Low(verdict, question) => {
                drop(inner.ask_ahead(inner.connection.keys.counter(subject), counter, quota, question));
                return verdict;
            }
            Step::Ask(question) => question,
        };
        // On the heap, as it is large, and most need none of it.
        match Box::pin(inner.asked(subject, counter, quota, question)).await {
            Some(verdict) => verdict,
            None => self.fallback.hit(subject, quota).await,
        }
    }

    async fn peek(&self, subject: &Subject, quota: Quota) -> Verdict {
        let inner = &self.inner;
        let Some(answer) =
            inner.run(inner.connection.keys.counter(subject), quota, Back::default(), false, false).await
        else {
            return self.fallback.peek(subject, quota).await;
        };
        let ahead = inner.counters.get(subject).map_or(0, |counter| lock(&counter).ahead());
        let remaining = quota.limit.saturating_sub(answer.count).saturating_add(ahead);
        Verdict { allowed: remaining > 0, remaining, resets_in: answer.left }
    }
}
