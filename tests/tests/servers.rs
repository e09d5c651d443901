//! The whole suite on PostgreSQL and Redis: one instance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::{Server, stores};

#[path = "../suite/mod.rs"]
mod suite;

/// The dependencies that health and metrics report here.
const DEPENDENCIES: [&str; 2] = ["database", "redis"];

/// Starts a server for one test.
async fn start(settings: &[(&str, &str)]) -> Result<Server> {
    stores::start(1, settings).await
}
