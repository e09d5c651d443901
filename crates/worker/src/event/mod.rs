//! The event log: numbering what was committed, and retention.

mod prune;
mod relay;

pub use prune::PruneEvents;
pub use relay::{Relay, RelayPorts};
