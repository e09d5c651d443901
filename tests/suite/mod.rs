//! What holds on every store and for any number of instances.
//!
//! Each test binary that includes this defines at its root how a server starts (`start`), and the names of its
//! dependencies (`DEPENDENCIES`).

mod api_keys;
mod audit;
mod auth;
mod conventions;
mod crash;
mod encoding;
mod feeds;
mod graphql;
mod hostile;
mod jobs;
mod limits;
mod mail;
mod metrics;
mod operations;
mod orders;
mod products;
mod race;
mod retail;
mod second_factor;
mod secrets;
mod timeouts;
mod traces;
mod users;
mod webhooks;
