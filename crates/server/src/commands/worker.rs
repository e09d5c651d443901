//! `entrepot worker`

use anyhow::Result;
use entrepot_application::event::EventWake;
use entrepot_worker::order::ChangeNotice;
use tokio::{runtime::Builder, spawn};
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
    signals::{Signals, stop_requested},
};
use crate::{
    backend::{Backend, Store},
    compose,
    config::Config,
    file_lock::lock,
    jobs::{self, Jobs},
    logging, webhooks,
};

pub(super) fn worker(config: &Config) -> Result<(), Failure> {
    let _log = logging::start(config).map_err(Failure::failed)?;
    // Released after the store is closed.
    let _lock = lock(config).map_err(Failure::failed)?;
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let ran = runtime.block_on(run(config, &backend));
    backend.close();
    tracing::info!("stopped");
    ran.map_err(Failure::failed)
}

async fn run(config: &Config, backend: &Backend) -> Result<()> {
    let application = compose::compose(config, backend);
    let mailer = jobs::mailer(config, config.port)?;
    let wake = EventWake::default();
    let jobs = Jobs::new(config, backend, &application, mailer, notice(backend), &wake)?;
    // Installed first, since the default action of a signal is to kill the process.
    let signals = Signals::new()?;
    let stopping = CancellationToken::new();
    let relay_stop = CancellationToken::new();
    let relay = spawn(compose::relay(backend, wake.clone()).run(relay_stop.clone()));
    let deliveries = spawn(webhooks::worker(config, backend, wake).run(stopping.clone()));
    let running = spawn(jobs.run(stopping.clone()));
    tracing::info!(environment = ?config.environment, "running jobs");
    stop_requested(signals).await;
    stopping.cancel();
    running.await?;
    deliveries.await?;
    // Last, so that what jobs committed in the end is numbered too.
    relay_stop.cancel();
    relay.await?;
    Ok(())
}

/// Notifies servers with caches in their own memory of writes. With Redis, invalidation does this.
fn notice(backend: &Backend) -> Option<ChangeNotice> {
    let Store::Postgres(store) = backend.store() else { return None };
    if backend.redis().is_some() {
        return None;
    }
    let store = store.clone();
    Some(Box::new(move || {
        let store = store.clone();
        Box::pin(async move {
            if let Err(error) = store.notify_of_writes().await {
                tracing::warn!(%error, "servers were not told of changed orders");
            }
        })
    }))
}
