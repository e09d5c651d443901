//! Transactions: work on one connection.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use diesel::{
    dsl::sql,
    select,
    sql_types::{BigInt, Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use entrepot_domain::Fault;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::Notify;

use super::pool::{self, Connector, Pool, PooledConnection};
use crate::{
    PostgresOptions,
    error::{Failure, POSTGRES, fault},
    options::SERVER_TIMEOUTS,
};

/// The work of a transaction, on data that a retry can use again.
pub(crate) type Work<D, T, E> = for<'c> fn(&'c mut AsyncPgConnection, &'c D) -> BoxFuture<'c, Result<T, E>>;

/// The maximum number of attempts after deadlocks and serialization failures.
const MAX_TRIES: u32 = 5;

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// No transaction: each statement is its own.
    Plain,
    /// A transaction that writes.
    Write,
}

/// Executes work on connections of a pool.
pub(crate) struct Executor {
    pool: Pool,
    /// The settings of each transaction behind PgBouncer, where sessions are shared.
    local: Option<String>,
    /// Notified of a commit whose result was lost.
    unseen: Option<Arc<Notify>>,
}

impl Executor {
    /// Creates an executor with a pool of this size and these settings.
    pub(crate) fn new(options: &PostgresOptions, connections: usize, settings: &[(&str, &str)]) -> Result<Self> {
        let set = |how: &str, settings: &[(&str, &str)]| -> String {
            let each: Vec<_> = settings.iter().map(|(name, value)| format!("{how} {name} = '{value}';")).collect();
            each.join(" ")
        };
        let setup = set("SET", settings);
        let pool = pool::pool(Connector::new(options, setup)?, connections, options.connect_timeout)?;
        let all = [settings, &SERVER_TIMEOUTS].concat();
        // Processes number their statements from one, and a dead one may have left some behind.
        let local = options.behind_pgbouncer.then(|| format!("DEALLOCATE ALL; {}", set("SET LOCAL", &all)));
        Ok(Self { pool, local, unseen: None })
    }

    /// Notifies `unseen` of commits whose results were lost.
    pub(crate) fn notifying(self, unseen: Arc<Notify>) -> Self {
        Self { unseen: Some(unseen), ..self }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Runs the work, and retries it if the error is retryable.
    pub(crate) async fn run<D, T, E: Failure>(&self, begin: Begin, data: &D, work: Work<D, T, E>) -> Result<T, E> {
        let mut tries = 1;
        loop {
            match self.once(begin, data, work).await {
                Err(error) if error.is_retryable() && tries < MAX_TRIES => {
                    tracing::debug!(tries, "a transaction is run again");
                    tokio::time::sleep(retry_delay(tries)).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    /// Runs the work once.
    pub(crate) async fn once<D, T, E: Failure>(&self, begin: Begin, data: &D, work: Work<D, T, E>) -> Result<T, E> {
        let mut pooled = PooledConnection::from(&self.pool).await?;
        let connection = pooled.connection()?;
        // Behind PgBouncer even a single statement needs a transaction: its two messages could go to two servers.
        if begin == Begin::Plain && self.local.is_none() {
            let done = work(connection, data).await;
            let is_unknown = done.as_ref().is_err_and(Failure::is_unknown);
            // An empty statement shows whether the connection is still open.
            if is_unknown && connection.batch_execute("").await.is_err() {
                return done.map_err(Failure::of_lost_connection);
            }
            pooled.give_back();
            return done;
        }
        let local = self.local.as_deref().unwrap_or_default();
        connection.batch_execute(&format!("BEGIN;{local}")).await.map_err(fault)?;
        let done = work(connection, data).await;
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match connection.batch_execute(end).await {
            Ok(()) => pooled.give_back(),
            // The error of the work is more specific than that of the rollback; closing rolls back too.
            Err(error) if done.is_ok() => {
                // It may have been committed.
                if let Some(unseen) = &self.unseen {
                    unseen.notify_one();
                }
                return Err(fault(error).into());
            }
            Err(_) => return done.map_err(Failure::of_lost_connection),
        }
        done
    }
}

/// Increases with each attempt and is randomised, so that transactions in a deadlock do not collide again.
fn retry_delay(tries: u32) -> Duration {
    let spread = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), tries) % 8;
    Duration::from_millis((1 << tries) + spread)
}

/// The health check: returns how many writes commands have reported.
pub(crate) fn ping<'c>(connection: &'c mut AsyncPgConnection, (): &'c ()) -> BoxFuture<'c, Result<i64, Fault>> {
    async move {
        let told = select(sql::<BigInt>("(SELECT last_value FROM foreign_writes)"));
        told.get_result(connection).await.map_err(fault)
    }
    .boxed()
}

/// Checks that the server accepts writes: it must not be a standby, and must have space for a temporary file. That file
/// is on the disk of the data unless `temp_tablespaces` is set, and needs no privilege and no table.
pub(crate) fn check_writes<'c>(connection: &'c mut AsyncPgConnection, (): &'c ()) -> BoxFuture<'c, Result<(), Fault>> {
    async move {
        // The series has 200 KB, more than this memory.
        let memory = select(sql::<Text>("set_config('work_mem', '64kB', true)"));
        memory.execute(connection).await.map_err(fault)?;
        let writes = "(SELECT count(*) FROM generate_series(1, 4096)) = 4096 \
                      AND current_setting('transaction_read_only') = 'off'";
        if select(sql::<Bool>(writes)).get_result(connection).await.map_err(fault)? {
            Ok(())
        } else {
            Err(Fault::unavailable(POSTGRES, anyhow::anyhow!("the server only takes reads")))
        }
    }
    .boxed()
}

/// Reports a write that no server knows of.
pub(crate) fn notify_servers<'c>(
    connection: &'c mut AsyncPgConnection,
    (): &'c (),
) -> BoxFuture<'c, Result<i64, Fault>> {
    async move {
        let told = select(sql::<BigInt>("nextval('foreign_writes')"));
        told.get_result(connection).await.map_err(fault)
    }
    .boxed()
}
