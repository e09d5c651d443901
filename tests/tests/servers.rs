//! The whole suite on PostgreSQL and Redis: one instance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::{Server, stores};

#[path = "../suite/mod.rs"]
mod suite;

/// What a server depends on here, and tells of.
const DEPENDENCIES: [&str; 2] = ["database", "redis"];

/// Starts a server, each of a suite's tests its own.
async fn start(settings: &[(&str, &str)]) -> Result<Server> {
    stores::start(1, settings).await
}
