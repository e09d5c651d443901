//! Webhooks: writing the deliveries of events, and sending them.

mod metrics;
mod prune;
mod sender;
mod settings;

pub use prune::PruneDeliveries;
pub use sender::{DeliveryPorts, DeliveryWorker};
pub use settings::DeliverySettings;
