//! Blocks all writes to a store for a while.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use tokio_postgres::NoTls;

use crate::Server;

/// Blocks every write of a server until it is dropped. Reads go on.
pub enum Hold {
    /// A write transaction: SQLite has one at a time.
    File(SqliteConnection),
    /// A lock on each table.
    Database(tokio_postgres::Client),
}

/// How long the lock may take.
const PATIENCE: Duration = Duration::from_secs(10);

const LOCK_ALL: &str = "BEGIN; DO $$ BEGIN EXECUTE (
    SELECT 'LOCK TABLE ' || string_agg(quote_ident(table_name), ', ' ORDER BY table_name) || ' IN EXCLUSIVE MODE'
    FROM information_schema.tables WHERE table_schema = 'public'
); END $$";

impl Hold {
    /// Waits until no write is in progress, and blocks all writes from then on.
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
            // A write in progress may wait for a table that is locked here already, and hold one that is locked next. The
            // lock time-out is shorter than PostgreSQL's deadlock check, so that it is this transaction that gives way.
            client.batch_execute("ROLLBACK").await?;
            ensure!(begun.elapsed() < PATIENCE, "the tables are not to be had: {error}");
        }
        Ok(Self::Database(client))
    }

    /// Releases the lock, and waits until that is done.
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
