//! Rate limits in this process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use entrepot_domain::{Quota, RateLimitDecision, RateLimiter, Subject};
use hashbrown::HashTable;

use crate::elapsed::{Elapsed, since_now};

/// The maximum number of subjects; the one that was idle for longest is evicted first.
const MAX_SUBJECTS: usize = 100_000;

/// The number of shards, each with its own lock, held for the duration of a look-up.
const SHARDS: usize = 64;

/// Counts in fixed windows that begin with a subject's first hit.
///
/// Windows rather than a leaky bucket, because clients are told when the count starts again (`RateLimit-Reset`), and
/// because a login must read its count without adding to it.
pub struct MemoryLimiter {
    shards: Vec<Mutex<Shard>>,
    /// The maximum number of subjects of a shard.
    capacity: usize,
    /// Subjects that were idle for longer may be evicted.
    idle_timeout: Duration,
    hasher: RandomState,
    elapsed: Elapsed,
}

/// A table rather than a map, so that a subject is hashed once for both its shard and its entry.
type Shard = HashTable<(Subject, Window)>;

#[derive(Clone, Copy)]
struct Window {
    began: Duration,
    seen: Duration,
    count: u32,
}

impl MemoryLimiter {
    /// Creates a limiter with the monotonic clock. Subjects without hits for `window` are evicted, which has to be the
    /// longest window of all quotas.
    pub fn new(window: Duration) -> Self {
        Self::with_time(window, since_now())
    }

    /// Creates a limiter with another clock: the time since some fixed moment, which must not decrease.
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

    /// Locks the shard of a subject with this hash. If a holder panicked, its numbers are still usable.
    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        // The table uses the lowest and the highest bits.
        let place = (hash >> 32) % u64::try_from(self.shards.len()).ok()?;
        let shard = self.shards.get(usize::try_from(place).ok()?)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes room for another subject in a full shard: evicts those that were idle for `idle_timeout`, else the one
    /// that was idle for longest.
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

    /// Returns this window, or a new one if it has ended.
    fn at(self, now: Duration, quota: Quota) -> Self {
        if now.saturating_sub(self.began) >= quota.window { Self::new(now) } else { self }
    }

    fn decision(self, allowed: bool, now: Duration, quota: Quota) -> RateLimitDecision {
        RateLimitDecision {
            allowed,
            remaining: quota.limit.saturating_sub(self.count),
            // `now` may be slightly before the start of the window, if another thread was faster.
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
        // After all windows have ended, one new subject evicts all others.
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
