//! The whole suite on the embedded store: one process and a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::Server;

#[path = "../suite/mod.rs"]
mod suite;

/// The dependencies that health and metrics report here.
const DEPENDENCIES: [&str; 1] = ["database"];

/// Starts a server for one test.
async fn start(settings: &[(&str, &str)]) -> Result<Server> {
    Server::start(settings).await
}
