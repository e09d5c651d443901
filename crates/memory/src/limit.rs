//! Limits counted in the process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use entrepot_domain::{Quota, RateLimitDecision, RateLimiter, Subject};
use hashbrown::HashTable;

use crate::elapsed::{Elapsed, since_now};

/// How many subjects are remembered; whoever was not seen for longest is forgotten first.
const MAX_SUBJECTS: usize = 100_000;

/// Into how many parts they fall, each with a lock of its own, held for the time of a look-up.
const SHARDS: usize = 64;

/// Counts in fixed windows that begin with a subject's first request.
///
/// Windows rather than a leaky bucket, because clients are told when their count begins anew (`RateLimit-Reset`), and
/// because a login must look at its count without adding to it.
pub struct MemoryLimiter {
    shards: Vec<Mutex<Shard>>,
    /// How many subjects one part has room for.
    capacity: usize,
    /// For how long a subject that is not seen is remembered.
    idle_timeout: Duration,
    hasher: RandomState,
    elapsed: Elapsed,
}

/// A table rather than a map, so that a subject is hashed once for its part and its place there.
type Shard = HashTable<(Subject, Window)>;

#[derive(Clone, Copy)]
struct Window {
    began: Duration,
    seen: Duration,
    count: u32,
}

impl MemoryLimiter {
    /// A limiter on the machine's monotonic clock. Subjects are forgotten when they were not seen for `window`, the
    /// longest of the quotas it will be asked for.
    pub fn new(window: Duration) -> Self {
        Self::with_time(window, since_now())
    }

    /// The same on another source of time: how long it is since some fixed moment. It must never go back.
    pub fn with_time(window: Duration, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self::with_capacity(SHARDS, MAX_SUBJECTS / SHARDS, window, elapsed)
    }

    fn with_capacity(
        shards: usize,
        capacity: usize,
        idle_timeout: Duration,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        let shards = (0..shards.max(1)).map(|_| Mutex::default()).collect();
        Self { shards, capacity: capacity.max(1), idle_timeout, hasher: RandomState::new(), elapsed: Box::new(elapsed) }
    }

    /// The part of a subject with this hash. A holder that panicked left numbers behind that are as good as any.
    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        // The table takes the lowest and the highest bits.
        let place = (hash >> 32) % u64::try_from(self.shards.len()).ok()?;
        let shard = self.shards.get(usize::try_from(place).ok()?)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes room for one more in a part that is full: whoever was not seen for `idle` goes, else whoever was not seen
    /// for longest.
    fn make_room(&self, shard: &mut Shard, now: Duration) {
        if shard.len() < self.capacity {
            return;
        }
        shard.retain(|(_, window)| now.saturating_sub(window.seen) < self.idle_timeout);
        if shard.len() >= self.capacity
            && let Some(oldest) = shard.iter().min_by_key(|(_, window)| window.seen).map(|(subject, _)| subject.clone())
            && let Ok(oldest) = shard.find_entry(self.hasher.hash_one(&oldest), |(subject, _)| *subject == oldest)
        {
            oldest.remove();
        }
    }
}

impl Window {
    const fn new(now: Duration) -> Self {
        Self { began: now, seen: now, count: 0 }
    }

    /// This window, or the next one if it is over.
    fn at(self, now: Duration, quota: Quota) -> Self {
        if now.saturating_sub(self.began) >= quota.window { Self::new(now) } else { self }
    }

    fn decision(self, allowed: bool, now: Duration, quota: Quota) -> RateLimitDecision {
        RateLimitDecision {
            allowed,
            remaining: quota.limit.saturating_sub(self.count),
            // `now` may be from just before the window began: another thread was faster.
            resets_in: quota.window.saturating_sub(now.saturating_sub(self.began)),
        }
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn hit(&self, subject: &Subject, quota: Quota) -> RateLimitDecision {
        let now = (self.elapsed)();
        let hash = self.hasher.hash_one(subject);
        let Some(mut shard) = self.shard(hash) else { return Window::new(now).decision(true, now, quota) };
        let known = shard.find_mut(hash, |(known, _)| known == subject);
        let mut window = known.as_deref().map_or(Window::new(now), |(_, window)| window.at(now, quota));
        let allowed = window.count < quota.limit;
        window.count += u32::from(allowed);
        window.seen = now;
        if let Some((_, known)) = known {
            *known = window;
        } else {
            self.make_room(&mut shard, now);
            shard.insert_unique(hash, (subject.clone(), window), |(subject, _)| self.hasher.hash_one(subject));
        }
        window.decision(allowed, now, quota)
    }

    async fn peek(&self, subject: &Subject, quota: Quota) -> RateLimitDecision {
        let now = (self.elapsed)();
        let hash = self.hasher.hash_one(subject);
        let shard = self.shard(hash);
        let known = shard.as_ref().and_then(|shard| shard.find(hash, |(known, _)| known == subject));
        let window = known.map_or(Window::new(now), |(_, window)| window.at(now, quota));
        window.decision(window.count < quota.limit, now, quota)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    };

    use entrepot_domain::UserId;
    use uuid::Uuid;

    use super::*;

    const QUOTA: Quota = Quota { limit: 100, window: Duration::from_mins(15) };

    fn user(n: u128) -> Subject {
        Subject::User(UserId(Uuid::from_u128(n)))
    }

    #[tokio::test]
    async fn full_shard_evicts_the_subjects_that_were_idle_for_longest() {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = seconds.clone();
        let elapsed = move || Duration::from_secs(clock.fetch_add(1, SeqCst));
        let limiter = MemoryLimiter::with_capacity(1, 10, QUOTA.window, elapsed);
        for round in 0..5 {
            for n in 0..10 {
                assert_eq!(limiter.hit(&user(n), QUOTA).await.remaining, 99 - round);
            }
        }
        for newcomer in 10..15 {
            limiter.hit(&user(newcomer), QUOTA).await;
        }
        assert_eq!(limiter.shards[0].lock().unwrap().len(), 10);
        for (n, remaining) in [(0, 100), (4, 100), (5, 95), (9, 95), (10, 99), (14, 99)] {
            assert_eq!(limiter.peek(&user(n), QUOTA).await.remaining, remaining, "user {n}");
        }
        // Once all windows are long over, one newcomer is enough to forget everybody.
        seconds.fetch_add(QUOTA.window.as_secs(), SeqCst);
        limiter.hit(&user(99), QUOTA).await;
        assert_eq!(limiter.shards[0].lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn remaining_time_does_not_exceed_the_window_if_the_clock_is_behind() {
        let seconds = Arc::new(AtomicU64::new(10));
        let clock = seconds.clone();
        let limiter = MemoryLimiter::with_time(QUOTA.window, move || Duration::from_secs(clock.load(SeqCst)));
        limiter.hit(&user(1), QUOTA).await;
        seconds.store(9, SeqCst);
        let late = limiter.hit(&user(1), QUOTA).await;
        assert_eq!((late.remaining, late.resets_in), (98, QUOTA.window));
    }

    #[tokio::test]
    async fn zero_and_maximum_windows_work() {
        for window in [Duration::ZERO, Duration::MAX] {
            let limiter = MemoryLimiter::with_time(window, || Duration::from_secs(1));
            let decision = limiter.hit(&user(1), Quota { limit: 1, window }).await;
            assert!(decision.allowed && decision.resets_in == window, "{decision:?}");
        }
    }
}
