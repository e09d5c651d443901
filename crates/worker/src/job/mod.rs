//! Jobs that maintain the job queue.

mod prune;

pub use prune::PruneJobs;
