//! `entrepot worker`

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_service::map_config;
use actix_web::dev::AppConfig;
use anyhow::{Context, Result};
use entrepot_http::{AccessLog, HttpState};
use entrepot_transport::{Server, Settings};
use entrepot_worker::order::ChangeNotice;
use tokio::{runtime::Builder, spawn};
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
    signals::{Signals, stop_requested},
};
use crate::{
    backend::{Backend, Store},
    compose::{self, Serving, Work},
    config::Config,
    file_lock::lock,
    logging,
};

/// The maximum number of connections of those who watch the process.
const MAX_PROBES: usize = 64;

/// Runs the jobs; with an address, serves liveness, readiness and metrics there.
pub(super) fn worker(config: &Config, probes: Option<SocketAddr>) -> Result<(), Failure> {
    let log = logging::start(config).map_err(Failure::failed)?;
    // Released after the store is closed.
    let _lock = lock(config).map_err(Failure::failed)?;
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let ran = runtime.block_on(run(config, &backend, log.access_log(), probes));
    backend.close();
    tracing::info!("stopped");
    ran.map_err(Failure::failed)
}

async fn run(
    config: &Config,
    backend: &Backend,
    access_log: Arc<dyn AccessLog>,
    probes: Option<SocketAddr>,
) -> Result<()> {
    let work = Work::Here(notice(backend));
    let Serving { state, jobs, deliveries, relay } = compose::serving(config, backend, access_log, work, config.port)?;
    let server = probes.map(|address| serve_probes(address, &state)).transpose()?;
    // Installed first, since the default action of a signal is to kill the process.
    let signals = Signals::new()?;
    let stopping = CancellationToken::new();
    let relay_stop = CancellationToken::new();
    let relay = spawn(relay.run(relay_stop.clone()));
    let jobs = jobs.map(|jobs| spawn(jobs.run(stopping.clone())));
    let deliveries = deliveries.map(|deliveries| spawn(deliveries.run(stopping.clone())));
    tracing::info!(environment = ?config.environment, "running jobs");
    let stop = async {
        stop_requested(signals).await;
        state.stop();
        stopping.cancel();
    };
    match server {
        Some(server) => server.run(stop).await,
        None => stop.await,
    }
    for running in jobs.into_iter().chain(deliveries) {
        running.await?;
    }
    // Last, so that what jobs committed in the end is numbered too.
    relay_stop.cancel();
    relay.await?;
    Ok(())
}

/// Serves liveness, readiness and metrics.
fn serve_probes(address: SocketAddr, state: &Arc<HttpState>) -> Result<Server> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving health and metrics");
    let app_state = state.clone();
    let app = move || map_config(entrepot_http::probes(&app_state), |()| AppConfig::default());
    let settings = Settings { workers: 1, max_connections: MAX_PROBES, ..Settings::default() };
    Ok(Server::start(listener, settings, app)?)
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
