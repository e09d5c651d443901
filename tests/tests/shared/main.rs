//! What only several instances can get wrong: two instances on one PostgreSQL and one Redis.
//!
//! The suite too runs on two instances, in `instances.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, Instant};

use anyhow::Result;
use entrepot_tests::{Client, Server, stores};
use tokio::task::JoinSet;

mod feeds;
mod fresh;
mod limits;
mod orders;
mod redis;
mod revoked;
mod state;
mod stopped;

/// For how long both instances are under load.
const HAMMER: Duration = Duration::from_secs(10);

/// Instances A and B.
async fn start(settings: &[(&str, &str)]) -> Result<Server> {
    stores::start(2, settings).await
}

/// The same user as two clients: one of A, one of B.
fn apart(server: &Server, user: &Client) -> [Client; 2] {
    let urls = server.urls();
    [user.at(&urls[0]), user.at(&urls[1])]
}

/// The end of the load.
fn until() -> Instant {
    Instant::now() + HAMMER
}

/// Waits for all clients; returns the number of their rounds.
async fn rounds(tasks: JoinSet<Result<i64>>) -> Result<i64> {
    tasks.join_all().await.into_iter().sum()
}
