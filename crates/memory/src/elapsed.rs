//! Time that never goes back.

use std::time::{Duration, Instant};

/// Tells how long it is since some fixed moment.
pub(crate) type Elapsed = Box<dyn Fn() -> Duration + Send + Sync>;

/// The machine's monotonic clock, from now on.
pub(crate) fn since_now() -> impl Fn() -> Duration + Send + Sync {
    let start = Instant::now();
    move || start.elapsed()
}
