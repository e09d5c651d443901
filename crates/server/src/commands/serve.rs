//! `entrepot serve`

use std::{
    net::{SocketAddr, TcpListener},
    num::NonZero,
    sync::Arc,
};

use actix_service::map_config;
use actix_web::dev::AppConfig;
use anyhow::{Context, Result};
use entrepot_http::{AccessLog, HttpState};
use entrepot_transport::{Server, Settings};
use listenfd::ListenFd;
use tokio::{runtime::Builder, spawn};
use tokio_util::sync::CancellationToken;

use super::{
    Failure, print_line,
    signals::{Signals, stop_requested},
};
use crate::{
    backend::Backend,
    compose::{self, Serving, Work},
    config::{Config, LogFormat},
    file_lock::lock,
    logging,
};

/// The maximum number of connections, even if the system allows more.
const MAX_CONNECTIONS: usize = 25_000;
/// The number of open files reserved for the store, Redis and the rest.
const OTHER_FILES: usize = 256;
/// The number of open files that every process may have.
const FEW_FILES: u64 = 1_024;

pub(super) fn serve(config: &Config, with_worker: bool) -> Result<(), Failure> {
    let log = logging::start(config).map_err(Failure::failed)?;
    // Released after the store is closed.
    let _lock = lock(config).map_err(Failure::failed)?;
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let served = runtime.block_on(run(config, &backend, log.access_log(), with_worker));
    backend.close();
    tracing::info!("stopped");
    served.map_err(Failure::failed)
}

async fn run(config: &Config, backend: &Backend, access_log: Arc<dyn AccessLog>, with_worker: bool) -> Result<()> {
    let listener = listen(config)?;
    let address = listener.local_addr()?;
    let work = if with_worker { Work::Here(None) } else { Work::Elsewhere };
    let Serving { state, jobs, deliveries, relay } =
        compose::serving(config, backend, access_log, work, address.port())?;
    // Before serving, so that no signal has its default effect, which is to kill the process.
    let signals = Signals::new()?;
    let settings = Settings {
        workers: std::thread::available_parallelism().map_or(1, NonZero::get),
        max_connections: max_connections(),
        certificates: config.tls.clone(),
        shutdown_grace: config.shutdown_grace,
        shutdown_timeout: config.shutdown_timeout,
        unfinished_work: entrepot_http::unfinished_changes,
        ..Settings::default()
    };
    let app_state = state.clone();
    let app = move || map_config(entrepot_http::app(&app_state), |()| AppConfig::default());
    let server = Server::start(listener, settings, app)?;
    welcome(config, address, &state).await;
    let stopping = CancellationToken::new();
    let relay_stop = CancellationToken::new();
    let relay = spawn(relay.run(relay_stop.clone()));
    let followers = spawn(entrepot_http::follow_events(state.clone()));
    let jobs = jobs.map(|jobs| spawn(jobs.run(stopping.clone())));
    let deliveries = deliveries.map(|deliveries| spawn(deliveries.run(stopping.clone())));
    let stop = async {
        stop_requested(signals).await;
        state.stop();
        stopping.cancel();
    };
    server.run(stop).await;
    followers.abort();
    for running in jobs.into_iter().chain(deliveries) {
        running.await?;
    }
    // Last, so that what was committed in the end is numbered too.
    relay_stop.cancel();
    relay.await?;
    Ok(())
}

/// Returns how many connections the system allows, minus other files. Each uses some kilobytes, so there is a maximum.
fn max_connections() -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(FEW_FILES);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let connections = files.saturating_sub(OTHER_FILES).clamp(1, MAX_CONNECTIONS);
    tracing::debug!(files, connections, "bounded");
    connections
}

/// Takes the socket that systemd has opened (`LISTEN_FDS`), if any, so that connections wait while the program restarts;
/// otherwise listens at `HOST` and `PORT`.
fn listen(config: &Config) -> Result<TcpListener> {
    let passed = ListenFd::from_env().take_tcp_listener(0);
    if let Some(listener) = passed.context("the first socket of LISTEN_FDS does not listen on TCP")? {
        return Ok(listener);
    }
    let address = SocketAddr::new(config.host, config.port);
    let help = || match config.port {
        0 => format!("cannot listen on {address}"),
        _ => format!("cannot listen on {address}; set PORT to another one (0 picks a free one), or HOST"),
    };
    TcpListener::bind(address).with_context(help)
}

/// Prints what to do next; on stderr if stdout is for JSON log lines.
async fn welcome(config: &Config, address: SocketAddr, state: &Arc<HttpState>) {
    let scheme = if state.settings.tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let mut lines = vec![format!("listening on {url}"), format!("try it at {url}/docs")];
    match state.app.users.has_admin().await {
        Ok(true) => {}
        Ok(false) => {
            lines.push("there is no admin yet; create one with:".to_owned());
            lines.push("  entrepot admin create --email you@example.com --name \"Your Name\"".to_owned());
        }
        Err(error) => tracing::warn!(%error, "cannot tell whether there is an admin"),
    }
    tracing::info!(%url, environment = ?config.environment, "listening");
    for line in lines {
        match config.log_format {
            LogFormat::Pretty => print_line(&line),
            LogFormat::Json => eprintln!("{line}"),
        }
    }
}
