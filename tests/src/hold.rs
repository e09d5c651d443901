//! A store that takes no writes for a while.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use tokio_postgres::NoTls;

use crate::Server;

/// What stands in the way of every write of a server until this is dropped. Whatever only reads goes on.
pub enum Hold {
    /// A transaction that writes: there is one at a time.
    File(SqliteConnection),
    /// A lock on each table.
    Database(tokio_postgres::Client),
}

/// How long a store may be busy; far more than it is.
const PATIENCE: Duration = Duration::from_secs(10);

const LOCK_ALL: &str = "BEGIN; DO $$ BEGIN EXECUTE (
    SELECT 'LOCK TABLE ' || string_agg(quote_ident(table_name), ', ' ORDER BY table_name) || ' IN EXCLUSIVE MODE'
    FROM information_schema.tables WHERE table_schema = 'public'
); END $$";

impl Hold {
    /// Waits until nothing is being written, and lets nothing be from then on.
    ///
    /// # Errors
    /// If the store cannot be opened, or is busy for longer than it ever should be.
    pub async fn on(server: &Server) -> Result<Self> {
        let Some(url) = server.setting("DATABASE_URL") else {
            let file = server.folder().join("entrepot.db");
            let mut connection = SqliteConnection::establish(file.to_str().context("its path is no UTF-8")?)?;
            connection.batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE")?;
            return Ok(Self::File(connection));
        };
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("SET lock_timeout = '200ms'").await?;
        let begun = Instant::now();
        while let Err(error) = client.batch_execute(LOCK_ALL).await {
            // A write that is under way may want what is locked already, and holds what comes next. To give way sooner
            // than PostgreSQL looks for deadlocks leaves the write alone.
            client.batch_execute("ROLLBACK").await?;
            ensure!(begun.elapsed() < PATIENCE, "the tables are not to be had: {error}");
        }
        Ok(Self::Database(client))
    }

    /// Lets go, and waits until it has.
    ///
    /// # Errors
    /// If the store has gone.
    pub async fn release(self) -> Result<()> {
        match self {
            Self::File(mut connection) => Ok(connection.batch_execute("ROLLBACK")?),
            Self::Database(client) => Ok(client.batch_execute("ROLLBACK").await?),
        }
    }
}
