//! Cache, rate limits, signals, clock and identifiers in this process: what a single instance needs besides its store.

mod cache;
mod clock;
mod elapsed;
mod ids;
mod limit;
mod signal;

pub use cache::MemoryCache;
pub use clock::SystemClock;
pub use ids::UuidV7;
pub use limit::MemoryLimiter;
pub use signal::NoSignal;
