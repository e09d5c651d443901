//! Jobs about jobs.

mod prune;

pub use prune::PruneJobs;
