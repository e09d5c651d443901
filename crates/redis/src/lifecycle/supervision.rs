//! The background tasks of a connection: one keeps a client connected, the other opens and closes the circuit breaker.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fred::{
    error::Error,
    interfaces::{ClientLike as _, EventInterface as _},
};
use tokio::{sync::broadcast::error::RecvError, time::timeout};

use crate::{
    client::{
        breaker::CloseResult,
        connection::{Connection, primary_nodes},
        error_message::{error_message, is_unconnected},
        options::CONNECT_TIMEOUT,
        pending::PendingInvalidations,
    },
    invalidation::invalidator::Invalidator,
};

/// How often Redis is probed while the breaker is closed. An instance that is cut off notices it within this and the
/// time-out of a command.
const PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// How often recovery is tried while the breaker is open.
pub(super) const RECOVERY_INTERVAL: Duration = Duration::from_millis(250);

/// When recovery is first tried: a single command that took too long, on a machine that was busy for a moment, is no
/// outage. An invalidation waits for a command's time-out longer, so it is delivered within that.
const FIRST_RECOVERY_DELAY: Duration = Duration::from_millis(20);

/// After so many openings, each within `STEADY` of the one before, something fails although the probe succeeds.
const MAX_QUICK_RECOVERIES: u32 = 3;

/// When recovery is first tried then.
const SLOW_RECOVERY_DELAY: Duration = Duration::from_secs(1);

/// A breaker that was closed for longer than this is steady.
const STEADY: Duration = Duration::from_secs(10);

/// How long a silent connection is kept. fred would keep it as long as something is written to it.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long cached values are not trusted after an outage. In that time other instances that were cut off by the same
/// outage deliver their invalidations.
pub(crate) const SETTLE_TIME: Duration = Duration::from_secs(2);

/// Keeps a client connected, and opens the breaker when a connection is lost: the Redis that answers next must be
/// examined first, and no request is to find out by a time-out.
pub(super) async fn keep_connected(connection: Arc<Connection>) {
    let (mut known_nodes, mut use_known_nodes) = (Vec::new(), false);
    loop {
        let client = connection.client();
        let mut errors = client.error_rx();
        let mut running = client.connect();
        loop {
            tokio::select! {
                ended = &mut running => {
                    if let Ok(Err(error)) = ended {
                        connection.note_loss(&error_message(&error));
                    }
                    tokio::time::sleep(RECOVERY_INTERVAL).await;
                    break;
                }
                error = errors.recv() => match error {
                    Ok((error, _)) => connection.note_loss(&error_message(&error)),
                    Err(RecvError::Lagged(_)) => connection.note_loss("the connection was lost"),
                    Err(RecvError::Closed) => break,
                },
                () = connection.reconnect.notified() => {
                    connection.identity.note_connection_loss();
                    break;
                }
            }
        }
        // A new client each time: after a manual reconnect fred miscounts its queue, and then sends nothing more.
        running.abort();
        known_nodes = Some(primary_nodes(&client)).filter(|nodes| !nodes.is_empty()).unwrap_or(known_nodes);
        connection.replace_client(if use_known_nodes { &known_nodes } else { &[] });
        // Alternately: all nodes of the URL may be down, or all that were known, and each costs a time-out.
        use_known_nodes = !use_known_nodes;
    }
}

/// Probes Redis, and closes the breaker when Redis may be used.
pub(super) async fn supervise(connection: Arc<Connection>, invalidator: Arc<Invalidator>) {
    // The first connection is worth waiting for; the loop finds out whether it succeeded.
    timeout(CONNECT_TIMEOUT, connection.client().wait_for_connect()).await.ok();
    let breaker = &connection.breaker;
    let mut changed = breaker.subscribe();
    let (mut settle_time, mut openings) = (Duration::ZERO, 0);
    loop {
        recover(&connection, &invalidator, settle_time).await;
        settle_time = SETTLE_TIME;
        let closed = Instant::now();
        while breaker.is_closed() {
            if let Err(error) = connection.probe().await {
                breaker.open(&error_message(&error));
            }
            timeout(PROBE_INTERVAL, changed.changed()).await.ok();
        }
        openings = if closed.elapsed() > STEADY { 1 } else { openings + 1 };
        let delay = if openings <= MAX_QUICK_RECOVERIES { FIRST_RECOVERY_DELAY } else { SLOW_RECOVERY_DELAY };
        tokio::time::sleep(delay).await;
    }
}

/// Tries to recover until the breaker is closed.
async fn recover(connection: &Connection, invalidator: &Invalidator, settle_time: Duration) {
    let (mut settle_time, mut connected) = (settle_time, Instant::now());
    loop {
        match try_recover(connection, invalidator, settle_time).await {
            Ok(true) => break tracing::info!("redis answers"),
            Ok(false) => {}
            // `keep_connected` has reported why.
            Err(error) if is_unconnected(&error) && connection.breaker.reason().is_some() => {}
            Err(error) => connection.breaker.open(&error_message(&error)),
        }
        settle_time = SETTLE_TIME;
        if connected.elapsed() > SILENCE_TIMEOUT {
            connection.reconnect.notify_one();
            connected = Instant::now();
        }
        tokio::time::sleep(RECOVERY_INTERVAL).await;
    }
}

/// Probes Redis, delivers pending invalidations, and closes the breaker; returns whether it is closed.
async fn try_recover(connection: &Connection, invalidator: &Invalidator, settle_time: Duration) -> Result<bool, Error> {
    let breaker = &connection.breaker;
    let failures = breaker.failures();
    connection.probe().await?;
    if connection.identity.has_changed(&connection.client(), connection.is_clustered()).await? {
        breaker.defer(PendingInvalidations::everything()).ok();
    }
    // More may become pending while some are delivered.
    loop {
        match breaker.close(failures, settle_time) {
            CloseResult::Closed => return Ok(true),
            CloseResult::Failed => return Ok(false),
            CloseResult::Pending => {
                let pending = breaker.take_pending();
                if let Err(error) = invalidator.deliver(&pending).await {
                    breaker.open_with(&error_message(&error), pending);
                    return Err(error);
                }
            }
        }
    }
}
