//! Tests of servers with real sockets, with bytes and frames.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod client;
mod frames;
mod http1;
mod http2;
mod server;
mod split;
mod stop;
mod upgrade;
