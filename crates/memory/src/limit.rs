//! Limits counted in the process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use entrepot_domain::{Quota, RateLimiter, Subject, Verdict};
use moka::sync::Cache as Moka;

/// How many subjects are remembered; whoever was not seen for longest is forgotten first.
const SUBJECTS: u64 = 100_000;

/// A source of time that never goes back: how long it is since some fixed moment.
type Elapsed = dyn Fn() -> Duration + Send + Sync;

/// Counts in fixed windows that begin with a subject's first request.
///
/// Windows rather than a leaky bucket, because clients are told when their count begins anew (`RateLimit-Reset`), and
/// because a login must look at its count without adding to it.
pub struct MemoryLimiter {
    windows: Moka<Subject, Arc<Mutex<Window>>>,
    elapsed: Box<Elapsed>,
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
        let start = Instant::now();
        Self::with_time(window, move || start.elapsed())
    }

    /// The same on another source of time.
    pub fn with_time(window: Duration, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let windows = Moka::builder().max_capacity(SUBJECTS).time_to_idle(window.max(Duration::from_secs(1))).build();
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
            resets_in: (self.began + quota.window).saturating_sub(now),
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
