//! Monotonic time.

use std::time::{Duration, Instant};

/// Returns the time since some fixed moment.
pub(crate) type Elapsed = Box<dyn Fn() -> Duration + Send + Sync>;

/// Returns the monotonic time since this call.
pub(crate) fn since_now() -> impl Fn() -> Duration + Send + Sync {
    let start = Instant::now();
    move || start.elapsed()
}
