//! Limits counted in the process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use entrepot_domain::{Quota, RateLimiter, Subject, Verdict};
use moka::{policy::EvictionPolicy, sync::Cache as Moka};

use crate::elapsed::{Elapsed, since_now};

/// How many subjects are remembered; whoever was not seen for longest is forgotten first.
const SUBJECTS: u64 = 100_000;

/// Nothing is remembered for longer; moka takes no more than a thousand years.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Counts in fixed windows that begin with a subject's first request.
///
/// Windows rather than a leaky bucket, because clients are told when their count begins anew (`RateLimit-Reset`), and
/// because a login must look at its count without adding to it.
pub struct MemoryLimiter {
    windows: Moka<Subject, Arc<Mutex<Window>>>,
    elapsed: Elapsed,
}

#[derive(Clone, Copy)]
struct Window {
    began: Duration,
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
        Self::with_room(SUBJECTS, window, elapsed)
    }

    fn with_room(subjects: u64, window: Duration, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        // Not moka's own policy, which would rather turn a newcomer away than forget a regular: whoever came when all
        // places are taken would never be counted.
        let windows = Moka::builder()
            .max_capacity(subjects)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(window.clamp(Duration::from_secs(1), YEAR))
            .build();
        Self { windows, elapsed: Box::new(elapsed) }
    }
}

impl Window {
    /// This window, or the next one if it is over.
    fn at(self, now: Duration, quota: Quota) -> Self {
        if now.saturating_sub(self.began) >= quota.window { Self { began: now, count: 0 } } else { self }
    }

    fn verdict(self, allowed: bool, now: Duration, quota: Quota) -> Verdict {
        Verdict {
            allowed,
            remaining: quota.limit.saturating_sub(self.count),
            // `now` may be from just before the window began: another thread was faster.
            resets_in: quota.window.saturating_sub(now.saturating_sub(self.began)),
        }
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn hit(&self, subject: &Subject, quota: Quota) -> Verdict {
        let now = (self.elapsed)();
        let fresh = || Arc::new(Mutex::new(Window { began: now, count: 0 }));
        let window = match self.windows.get(subject) {
            Some(window) => window,
            None => self.windows.get_with_by_ref(subject, fresh),
        };
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        *window = window.at(now, quota);
        let allowed = window.count < quota.limit;
        if allowed {
            window.count += 1;
        }
        window.verdict(allowed, now, quota)
    }

    async fn peek(&self, subject: &Subject, quota: Quota) -> Verdict {
        let now = (self.elapsed)();
        let window = match self.windows.get(subject) {
            Some(window) => window.lock().unwrap_or_else(PoisonError::into_inner).at(now, quota),
            None => Window { began: now, count: 0 },
        };
        window.verdict(window.count < quota.limit, now, quota)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use entrepot_domain::UserId;
    use uuid::Uuid;

    use super::*;

    const QUOTA: Quota = Quota { limit: 100, window: Duration::from_mins(15) };

    fn user(n: u128) -> Subject {
        Subject::User(UserId(Uuid::from_u128(n)))
    }

    #[tokio::test]
    async fn a_full_house_counts_newcomers_and_forgets_whom_it_has_not_seen() {
        let limiter = MemoryLimiter::with_room(10, QUOTA.window, || Duration::ZERO);
        for round in 0..5 {
            for n in 0..10 {
                assert_eq!(limiter.hit(&user(n), QUOTA).await.remaining, 99 - round);
            }
        }
        limiter.windows.run_pending_tasks();
        for newcomer in 10..20 {
            limiter.hit(&user(newcomer), QUOTA).await;
            limiter.windows.run_pending_tasks();
        }
        assert_eq!(limiter.windows.entry_count(), 10);
        assert_eq!(limiter.peek(&user(0), QUOTA).await.remaining, 100);
        for newcomer in 10..20 {
            assert_eq!(limiter.hit(&user(newcomer), QUOTA).await.remaining, 98);
        }
    }

    #[tokio::test]
    async fn a_thread_that_looked_at_the_clock_too_early_is_told_no_more_than_the_window() {
        let seconds = Arc::new(AtomicU64::new(10));
        let clock = seconds.clone();
        let limiter = MemoryLimiter::with_time(QUOTA.window, move || Duration::from_secs(clock.load(SeqCst)));
        limiter.hit(&user(1), QUOTA).await;
        seconds.store(9, SeqCst);
        let late = limiter.hit(&user(1), QUOTA).await;
        assert_eq!((late.remaining, late.resets_in), (98, QUOTA.window));
    }

    #[tokio::test]
    async fn no_window_is_too_long_or_too_short() {
        for window in [Duration::ZERO, Duration::MAX] {
            let limiter = MemoryLimiter::with_time(window, || Duration::from_secs(1));
            let verdict = limiter.hit(&user(1), Quota { limit: 1, window }).await;
            assert!(verdict.allowed && verdict.resets_in == window, "{verdict:?}");
        }
    }
}
