//! Opens the store with its connections and the queue of orders.

use anyhow::Result;

use crate::{PostgresOptions, PostgresStore, order::PlacementQueue};

impl PostgresStore {
    /// Connects to a server whose schema is up to date (see [`migrate`](crate::migrate)). Fails if it cannot be reached
    /// or does not satisfy the options. Blocks; must not be called from a thread of an async runtime.
    pub fn open(options: &PostgresOptions) -> Result<Self> {
        Self::connect(options, PlacementQueue::start)
    }
}
