//! Lists from a replica.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use diesel::{
    dsl::sql,
    select,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::Fault;
use futures_util::{FutureExt, future::BoxFuture};

use super::{
    pool::Pool,
    transaction::{Begin, Executor, Work},
};
use crate::{PostgresOptions, error::fault};

/// The delays before a lagging replica is asked again; then the primary serves the list.
const CATCH_UP_DELAYS: [Duration; 3] = [Duration::from_millis(2), Duration::from_millis(5), Duration::from_millis(10)];

/// A replica of the primary.
pub(super) struct Replica {
    executor: Executor,
    primary: Arc<Executor>,
}

impl Replica {
    pub(super) fn new(options: &PostgresOptions, primary: Arc<Executor>) -> Result<Self> {
        Ok(Self { executor: Executor::new(options, options.pool_max, &[])?, primary })
    }

    pub(super) fn pool(&self) -> Pool {
        self.executor.pool().clone()
    }

    /// Returns the list, or `None` if the replica lags or fails: then the primary has to serve it.
    ///
    /// The primary returns its WAL position, which is cheap; all writes confirmed before are included. A replica that
    /// has replayed up to it has them.
    pub(super) async fn list<D: Sync, T>(&self, data: &D, work: Work<D, T, Fault>) -> Option<T> {
        let answer = async {
            let written = self.primary.run(Begin::Plain, &(), written).await?;
            for pause in CATCH_UP_DELAYS {
                if self.executor.run(Begin::Plain, &written, has_replayed).await? {
                    return self.executor.run(Begin::Plain, data, work).await.map(Some);
                }
                tokio::time::sleep(pause).await;
            }
            Ok(None)
        };
        answer.await.unwrap_or_else(|fault: Fault| {
            tracing::warn!(error = %anyhow::Error::new(fault), "the replica failed; the primary answers");
            None
        })
    }
}

fn written<'c>(connection: &'c mut AsyncPgConnection, (): &'c ()) -> BoxFuture<'c, Result<String, Fault>> {
    async move {
        let end = select(sql::<Text>("pg_current_wal_insert_lsn()::text"));
        end.get_result(connection).await.map_err(fault)
    }
    .boxed()
}

fn has_replayed<'c>(connection: &'c mut AsyncPgConnection, written: &'c String) -> BoxFuture<'c, Result<bool, Fault>> {
    async move {
        let replayed = sql::<Bool>("coalesce(pg_last_wal_replay_lsn() >= ").bind::<Text, _>(written);
        select(replayed.sql("::pg_lsn, false)")).get_result(connection).await.map_err(fault)
    }
    .boxed()
}
