//! Cache, limits, clock and identifiers inside one process: what a single instance needs beside its store.

mod cache;
mod clock;
mod elapsed;
mod ids;
mod limit;

pub use cache::MemoryCache;
pub use clock::SystemClock;
pub use ids::UuidV7;
pub use limit::MemoryLimiter;
