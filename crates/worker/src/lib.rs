//! The worker that claims and runs background jobs.
//!
//! - [`Kind`]: the trait that each kind of jobs implements, in the folder of its aggregate (`order/`, `job/`)
//! - [`Registry`]: the kinds that a process knows
//! - [`Worker`]: runs them, with a bound for each kind
//!
//! A job runs at least once. It is leased to one worker at a time, which renews the lease while the job runs; if the
//! process dies, another worker runs the job again when the lease has expired. An attempt that lost its lease is
//! stopped, and its outcome is not written.
//!
//! # How to add a kind
//! ```
//! use entrepot_worker::{Attempt, Done, Failure, Kind, Registry};
//!
//! /// Says hello.
//! struct Greet;
//!
//! #[async_trait::async_trait]
//! impl Kind for Greet {
//!     const NAME: &'static str = "users.greet";
//!     type Payload = String;
//!
//!     async fn run(&self, name: String, _: Attempt) -> Result<Done, Failure> {
//!         println!("hello, {name}");
//!         Ok(Done::Succeeded)
//!     }
//! }
//!
//! let mut registry = Registry::default();
//! registry.add(Greet)?;
//! # Ok::<(), entrepot_domain::Invalid>(())
//! ```

pub mod event;
mod held;
pub mod job;
mod keep;
mod kind;
pub mod mail;
mod metrics;
pub mod order;
mod prune;
mod registry;
mod schedule;
mod settings;
mod settle;
mod trace;
pub mod webhook;
mod worker;

pub use kind::{Attempt, Done, Failure, Kind, KindSettings, new_job};
pub use registry::Registry;
pub use settings::WorkerSettings;
pub use worker::{Worker, WorkerPorts};
