//! Puts the store together: connections, and the queue of orders.

use anyhow::Result;

use crate::{PostgresOptions, PostgresStore, order::PlacementQueue};

impl PostgresStore {
    /// Connects to a server whose schema is up to date (see [`migrate`](crate::migrate)). An error says that it cannot
    /// be reached, or not as the options want it. Blocks; not to be called from a thread of an async runtime.
    pub fn open(options: &PostgresOptions) -> Result<Self> {
        Self::connect(options, PlacementQueue::start)
    }
}
