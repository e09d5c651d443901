//! What operators rely on: the health check, the files of `deploy/`, each checked by the program that reads it, and the
//! backup.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod backup;
mod files;
mod health;
mod kubernetes;
mod nginx;
mod prometheus;
mod systemd;
mod tools;
