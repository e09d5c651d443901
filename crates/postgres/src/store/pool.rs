//! Connections and their pool.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use deadpool::{
    Runtime,
    managed::{self, Manager, Metrics, Object, PoolError, RecycleError, RecycleResult},
};
use diesel::connection::CacheSize;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use entrepot_domain::{Fault, Sample};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{PostgresOptions, error::POSTGRES, tls};

/// A connection that detects when its socket is closed.
pub(crate) struct Connection {
    diesel: AsyncPgConnection,
    closed: Arc<AtomicBool>,
}

impl Connection {
    /// Returns the bare connection.
    pub(super) fn into_diesel(self) -> AsyncPgConnection {
        self.diesel
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

impl Deref for Connection {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.diesel
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.diesel
    }
}

/// Creates connections.
pub(crate) struct Connector {
    options: PostgresOptions,
    tls: MakeRustlsConnect,
    /// The settings of each new connection.
    setup: String,
    counts: Counts,
}

/// The metrics of a pool.
#[derive(Default)]
struct Counts {
    lent: AtomicU64,
    refused: AtomicU64,
    /// The total waiting time, in microseconds.
    waited: AtomicU64,
}

/// The maximum number of attempts to connect to PgBouncer.
const MAX_CONNECT_TRIES: u32 = 5;

/// Requests English messages, if the user may: diesel passes on an error's message, not its code.
const SET_ENGLISH_MESSAGES: &str =
    "SELECT set_config('lc_messages', 'C', false) FROM pg_roles WHERE rolname = current_user AND rolsuper;";

impl Connector {
    pub(crate) fn new(options: &PostgresOptions, setup: String) -> Result<Self> {
        let tls = tls::connector(options.verify, options.root_certificates.as_deref())?;
        Ok(Self { options: options.clone(), tls, setup, counts: Counts::default() })
    }

    /// Creates a connection outside the pool.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let mut tries = 1;
        loop {
            match self.try_to_connect().await {
                // diesel-async sends two prepared statements first, which PgBouncer may send to two servers.
                Err(why) if self.options.behind_pgbouncer && tries < MAX_CONNECT_TRIES => {
                    tracing::debug!(dependency = POSTGRES, error = %why, "PgBouncer is greeted again");
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_to_connect(&self) -> Result<Connection> {
        let (client, socket) = self.options.for_session().connect(self.tls.clone()).await.map_err(plain)?;
        let closed = Arc::new(AtomicBool::new(false));
        let flag = closed.clone();
        tokio::spawn(async move {
            if let Err(error) = socket.await {
                tracing::debug!(dependency = POSTGRES, %error, "a connection ended");
            }
            flag.store(true, Ordering::Relaxed);
        });
        let mut diesel = AsyncPgConnection::try_from(client).await?;
        if self.options.behind_pgbouncer {
            diesel.set_prepared_statement_cache_size(CacheSize::Disabled);
        } else {
            diesel.batch_execute(SET_ENGLISH_MESSAGES).await?;
            diesel.batch_execute(&self.setup).await?;
        }
        Ok(Connection { diesel, closed })
    }
}

/// The complete error of tokio-postgres, whose details are in its sources.
fn plain(error: tokio_postgres::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("cannot connect")
}

impl Manager for Connector {
    type Type = Connection;
    type Error = anyhow::Error;

    async fn create(&self) -> Result<Connection> {
        // The future of a handshake is large, and would be part of every caller's.
        Box::pin(self.connect()).await
    }

    /// Sends no query: a closed socket is detected, and the monitor detects a server that hangs.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<anyhow::Error> {
        if connection.is_closed() { Err(RecycleError::message("closed")) } else { Ok(()) }
    }
}

pub(crate) type Pool = managed::Pool<Connector>;

/// Creates a pool of this size.
pub(crate) fn pool(connector: Connector, size: usize, timeout: Duration) -> Result<Pool> {
    Pool::builder(connector)
        .max_size(size)
        .wait_timeout(Some(timeout))
        .create_timeout(Some(timeout))
        .runtime(Runtime::Tokio1)
        .build()
        .context("cannot make a pool")
}

impl Counts {
    fn note(&self, waited: Duration, lent: bool) {
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited.fetch_add(waited, Ordering::Relaxed);
        let count = if lent { &self.lent } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// The metrics of a pool.
pub(crate) fn samples(pool: &Pool, name: &'static str) -> Vec<Sample> {
    let status = pool.status();
    let Counts { lent, refused, waited } = &pool.manager().counts;
    let connections = |state, count: usize| {
        Sample::gauge("postgres_pool_connections", "Connections that are open.", count).with("state", state)
    };
    let waited = Duration::from_micros(waited.load(Ordering::Relaxed));
    let samples = [
        connections("idle", status.available),
        connections("used", status.size.saturating_sub(status.available)),
        Sample::gauge("postgres_pool_connections_max", "Connections that may be open.", status.max_size),
        Sample::gauge("postgres_pool_waiting", "Those who wait for a connection.", status.waiting),
        Sample::counter("postgres_pool_lent_total", "Connections that were lent.", lent.load(Ordering::Relaxed)),
        Sample::counter(
            "postgres_pool_refused_total",
            "Those who waited for a connection in vain.",
            refused.load(Ordering::Relaxed),
        ),
        Sample::seconds("postgres_pool_wait_seconds_total", "Time that was waited for connections.", waited),
    ];
    samples.into_iter().map(|sample| sample.with("pool", name)).collect()
}

/// A connection from the pool. It is returned only if it is known to be clean: one that a panic or an error left in a
/// transaction is closed instead, which rolls it back.
pub(crate) struct PooledConnection(Option<Object<Connector>>);

impl PooledConnection {
    pub(crate) async fn from(pool: &Pool) -> Result<Self, Fault> {
        let begun = Instant::now();
        let lent = pool.get().await;
        pool.manager().counts.note(begun.elapsed(), lent.is_ok());
        let connection = lent.map_err(|error| {
            let why = match error {
                PoolError::Backend(why) => why,
                PoolError::Timeout(_) => anyhow::anyhow!("no connection became free in time"),
                other => anyhow::anyhow!("{other}"),
            };
            Fault::unavailable(POSTGRES, why)
        })?;
        Ok(Self(Some(connection)))
    }

    pub(crate) fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let gone = || Fault::unknown(anyhow::anyhow!("the connection was given back already"));
        self.0.as_deref_mut().ok_or_else(gone)
    }

    /// Returns a clean connection to the pool.
    pub(crate) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
