//! Units of work: what is done on one connection, with an answer at the end.

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

/// Something to be done, on data that is still there if it must be done again.
pub(crate) type Work<D, T, E> = for<'c> fn(&'c mut AsyncPgConnection, &'c D) -> BoxFuture<'c, Result<T, E>>;

/// How often a transaction that met a deadlock or was too late is run again.
const MAX_TRIES: u32 = 5;

/// How a unit of work begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// With nothing: each statement is a transaction of its own.
    Plain,
    /// With a transaction that writes.
    Write,
    /// With a transaction that reads one state of the store, however many statements it has.
    Snapshot,
}

impl Begin {
    const fn sql(self) -> &'static str {
        match self {
            Self::Plain | Self::Write => "BEGIN;",
            Self::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;",
        }
    }
}

/// Where units of work are done.
pub(crate) struct Executor {
    pool: Pool,
    /// What is set for each transaction behind PgBouncer, where a session is nobody's.
    local: Option<String>,
    /// Who is told of a commit whose answer was lost.
    unseen: Option<Arc<Notify>>,
}

impl Executor {
    /// A desk with so many connections of its own, which are used with these settings.
    pub(crate) fn new(options: &PostgresOptions, connections: usize, settings: &[(&str, &str)]) -> Result<Self> {
        let set = |how: &str, settings: &[(&str, &str)]| -> String {
            let each: Vec<_> = settings.iter().map(|(name, value)| format!("{how} {name} = '{value}';")).collect();
            each.join(" ")
        };
        let setup = set("SET", settings);
        let pool = pool::pool(Connector::new(options, setup)?, connections, options.connect_timeout)?;
        let all = [settings, &SERVER_TIMEOUTS].concat();
        // Processes count their statements from one, and one that died may have left some behind.
        let local = options.behind_pgbouncer.then(|| format!("DEALLOCATE ALL; {}", set("SET LOCAL", &all)));
        Ok(Self { pool, local, unseen: None })
    }

    /// The same, telling of commits whose answers were lost.
    pub(crate) fn notifying(self, unseen: Arc<Notify>) -> Self {
        Self { unseen: Some(unseen), ..self }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Does it, and once more if the server says that this may help.
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

    /// Does it once.
    pub(crate) async fn once<D, T, E: Failure>(&self, begin: Begin, data: &D, work: Work<D, T, E>) -> Result<T, E> {
        let mut pooled = PooledConnection::from(&self.pool).await?;
        let connection = pooled.connection()?;
        // Behind PgBouncer even a single statement needs a transaction: its two messages could go to two servers.
        if begin == Begin::Plain && self.local.is_none() {
            let done = work(connection, data).await;
            let is_unknown = done.as_ref().is_err_and(Failure::is_unknown);
            // An empty statement shows whether the connection is still there.
            if is_unknown && connection.batch_execute("").await.is_err() {
                return done.map_err(Failure::of_lost_connection);
            }
            pooled.give_back();
            return done;
        }
        let local = self.local.as_deref().unwrap_or_default();
        connection.batch_execute(&format!("{}{local}", begin.sql())).await.map_err(fault)?;
        let done = work(connection, data).await;
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match connection.batch_execute(end).await {
            Ok(()) => pooled.give_back(),
            // What the work says of itself tells more than that it could not be undone; closing undoes it too.
            Err(error) if done.is_ok() => {
                // It may have gone through.
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

/// Longer each time, and never the same for two: who met in a deadlock should not meet again.
fn retry_delay(tries: u32) -> Duration {
    let spread = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), tries) % 8;
    Duration::from_millis((1 << tries) + spread)
}

/// Asks for a sign of life: how often commands have told of what they wrote.
pub(crate) fn ping<'c>(connection: &'c mut AsyncPgConnection, (): &'c ()) -> BoxFuture<'c, Result<i64, Fault>> {
    async move {
        let told = select(sql::<BigInt>("(SELECT last_value FROM foreign_writes)"));
        told.get_result(connection).await.map_err(fault)
    }
    .boxed()
}

/// Checks that the server takes writes: it must not be a standby, and must have room for a temporary file. That file is
/// on the disk of the data unless `temp_tablespaces` says otherwise, and needs no privilege and no table.
pub(crate) fn check_writes<'c>(connection: &'c mut AsyncPgConnection, (): &'c ()) -> BoxFuture<'c, Result<(), Fault>> {
    async move {
        // The series has 200 KB, which do not fit in so little memory.
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
