//! The whole suite on the embedded store: one process and a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::Server;

#[path = "../suite/mod.rs"]
mod suite;

/// What a server depends on here, and tells of.
const DEPENDENCIES: [&str; 1] = ["database"];

/// Starts a server, each of a suite's tests its own.
async fn start(settings: &[(&str, &str)]) -> Result<Server> {
    Server::start(settings).await
}
