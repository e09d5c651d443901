//! What holds wherever the program keeps its things, and however many of it serve.
//!
//! Each test binary that includes this says at its root how a server starts (`start`), and what it depends on.

mod api_keys;
mod audit;
mod auth;
mod conventions;
mod crash;
mod encoding;
mod hostile;
mod limits;
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
