//! The kinds of background jobs, and the worker that runs them.

use std::sync::Arc;

use anyhow::Result;
use entrepot_application::order::OrderService;
use entrepot_memory::UuidV7;
use entrepot_security::SystemRandomness;
use entrepot_worker::{
    Registry, Worker, WorkerPorts, WorkerSettings,
    event::PruneEvents,
    job::PruneJobs,
    order::{CancelUnpaidOrders, ChangeNotice},
    webhook::PruneDeliveries,
};

use crate::{backend::Backend, config::Config};

/// The worker of this process. `changed` is called when orders were changed, if there is somebody to be told.
pub fn worker(
    config: &Config,
    backend: &Backend,
    orders: Arc<OrderService>,
    changed: Option<ChangeNotice>,
) -> Result<Worker> {
    let queue = backend.store().queue();
    let mut kinds = Registry::default();
    kinds.add_scheduled(PruneJobs { queue: queue.clone() })?;
    kinds.add_scheduled(PruneEvents { log: backend.store().ports().events, retention: config.event_retention })?;
    kinds.add_scheduled(PruneDeliveries { queue: backend.store().deliveries() })?;
    if let Some(ttl) = config.order_pending_ttl {
        kinds.add_scheduled(CancelUnpaidOrders { orders, ttl, changed })?;
    }
    let ports = WorkerPorts { queue, ids: Arc::new(UuidV7), random: Arc::new(SystemRandomness) };
    let settings = WorkerSettings { shutdown_timeout: config.shutdown_timeout, ..WorkerSettings::default() };
    Ok(Worker::new(ports, kinds, settings))
}
