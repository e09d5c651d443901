//! The whole suite on two instances that share one PostgreSQL and one Redis. The requests of a client go to them in turn,
//! so that what one instance wrote is read from the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::{Server, stores};

#[path = "../suite/mod.rs"]
mod suite;

/// The dependencies that health and metrics report here.
const DEPENDENCIES: [&str; 2] = ["database", "redis"];

/// Starts two instances for one test.
async fn start(settings: &[(&str, &str)]) -> Result<Server> {
    stores::start(2, settings).await
}
