//! `entrepot serve`

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    num::NonZero,
    sync::Arc,
};

use actix_service::map_config;
use actix_web::dev::AppConfig;
use anyhow::{Context, Result, anyhow};
use entrepot_http::{AccessLog, HttpState};
use entrepot_sqlite::{FileLock, LockError};
use entrepot_transport::{Server, Settings};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    spawn,
};

use super::{Failure, print_line};
use crate::{
    backend::Backend,
    compose,
    config::{Config, Database, LogFormat},
    logging,
};

/// The exit status after a second signal: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;
/// The maximum number of connections, even if the system allows more.
const MAX_CONNECTIONS: usize = 25_000;
/// The number of open files reserved for the store, Redis and the rest.
const OTHER_FILES: usize = 256;
/// The number of open files that every process may have.
const FEW_FILES: u64 = 1_024;

pub(super) fn serve(config: &Config) -> Result<(), Failure> {
    let log = logging::start(config).map_err(Failure::failed)?;
    // Released after the store is closed.
    let _lock = lock(config).map_err(Failure::failed)?;
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let served = runtime.block_on(run(config, &backend, log.access_log()));
    backend.close();
    tracing::info!("stopped");
    served.map_err(Failure::failed)
}

async fn run(config: &Config, backend: &Backend, access_log: Arc<dyn AccessLog>) -> Result<()> {
    let state = compose::http_state(config, backend, access_log);
    let listener = listen(config)?;
    let address = listener.local_addr()?;
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
    let stop = async {
        stop_requested(signals).await;
        state.stop();
    };
    server.run(stop).await;
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

/// Returns at the first signal; the second one ends the process immediately.
async fn stop_requested(mut signals: Signals) {
    signals.next().await;
    tracing::info!("stopping: finishing what is in flight");
    spawn(async move {
        signals.next().await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(INTERRUPTED);
    });
}

/// Locks the SQLite file for this server. A second server on the same file could not invalidate the cache of the first
/// in time; commands beside it are few, and detected. Several servers may share a PostgreSQL database.
fn lock(config: &Config) -> Result<Option<FileLock>> {
    let Database::Sqlite(database) = &config.database else { return Ok(None) };
    if let Some(folder) = database.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    match FileLock::acquire(database) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Taken(database)) => {
            let database = database.display();
            Err(anyhow!("another entrepot serves {database} already; stop it, or set DATA_DIR to another folder"))
        }
        Err(other) => Err(other.into()),
    }
}

fn listen(config: &Config) -> Result<TcpListener> {
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

/// Waits for SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
