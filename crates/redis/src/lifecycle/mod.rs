//! The handle of a connection: connecting, recovery after an outage, closing, health.

mod supervision;

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use async_trait::async_trait;
use entrepot_domain::{Fault, HealthCheck, MetricSource, Sample};
use fred::interfaces::ClientLike as _;
use tokio::time::timeout;

#[cfg(test)]
pub(crate) use self::supervision::SETTLE_TIME;
use self::supervision::{RECOVERY_INTERVAL, keep_connected, supervise};
use crate::{
    client::{
        connection::Connection,
        error_message::error_message,
        options::{CONNECT_TIMEOUT, RedisOptions},
    },
    invalidation::invalidator::Invalidator,
};

/// The name in health reports and errors.
const NAME: &str = "redis";

/// A connection to Redis that many tasks on any runtimes share, protected by a circuit breaker.
///
/// A command that fails or takes longer than 100 ms (see [`RedisOptions::command_timeout`]) opens the breaker, and so
/// does the loss of the connection; from then on nobody asks Redis. A background task probes it, and closes the breaker
/// when Redis takes writes again and has received all pending invalidations.
#[derive(Clone)]
pub struct Redis {
    pub(crate) connection: Arc<Connection>,
    pub(crate) invalidator: Arc<Invalidator>,
}

impl Redis {
    /// Connects, and waits about a second for the connection. A Redis that is down is no error: the program starts
    /// without it and uses it as soon as it answers. Call this on a runtime that lives as long as the process: the
    /// background tasks run there until [`close`](Self::close).
    ///
    /// # Errors
    /// The system has no randomness.
    pub async fn connect(options: RedisOptions) -> Result<Self> {
        let connection = Arc::new(Connection::new(options).context("no randomness")?);
        let invalidator = Arc::new(Invalidator::new(connection.clone()));
        let mut changed = connection.breaker.subscribe();
        connection.spawn(keep_connected(connection.clone()));
        connection.spawn(supervise(connection.clone(), invalidator.clone()));
        timeout(CONNECT_TIMEOUT + RECOVERY_INTERVAL, changed.changed()).await.ok();
        if !connection.breaker.is_closed() {
            let reason = connection.breaker.reason().unwrap_or_else(|| "no answer".into());
            tracing::warn!(reason, "redis does not answer: beginning without it");
        }
        Ok(Self { connection, invalidator })
    }

    /// Closes the connection and ends its tasks. Later calls are served as if Redis were down, and later invalidations
    /// are lost: close it after the last write.
    pub async fn close(&self) {
        let connection = &self.connection;
        connection.abort_tasks();
        let reachable = connection.breaker.is_closed();
        connection.breaker.shut_down();
        if reachable {
            self.invalidator.end_leases().await;
        }
        timeout(RECOVERY_INTERVAL, connection.client().quit()).await.ok();
    }
}

#[async_trait]
impl HealthCheck for Redis {
    fn name(&self) -> &'static str {
        NAME
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), Fault> {
        let breaker = &self.connection.breaker;
        if !breaker.is_closed() {
            let reason = breaker.reason().unwrap_or_else(|| "no answer yet".into());
            return Err(Fault::unavailable(NAME, anyhow!(reason)));
        }
        self.connection.probe().await.map_err(|error| Fault::unavailable(NAME, anyhow!(error_message(&error))))
    }
}

impl MetricSource for Redis {
    fn samples(&self) -> Vec<Sample> {
        let breaker = &self.connection.breaker;
        let help = "Whether it is asked now (1), or done without (0).";
        vec![
            Sample::gauge("redis_up", help, u8::from(breaker.is_closed())),
            Sample::counter("redis_failures_total", "Commands and connections that failed.", breaker.failures()),
        ]
    }
}
