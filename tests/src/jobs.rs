//! Jobs that no worker knows: nothing that a client may ask for makes one that waits for a test.

use anyhow::{Context, Result};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use tokio_postgres::NoTls;

use crate::Server;

/// The kind of these jobs.
pub const KIND: &str = "tests.unknown";

/// Properties of a job that must not be shown.
pub const PAYLOAD: &str = "hush-hush";

/// Queues a job that is due in an hour, and returns its identifier.
///
/// # Errors
/// If the store cannot be written to.
pub async fn scheduled(server: &Server) -> Result<String> {
    insert(server, "jobs", "max_attempts", "3").await
}

/// Keeps a job that failed for the last time, and returns its identifier.
///
/// # Errors
/// If the store cannot be written to.
pub async fn dead(server: &Server) -> Result<String> {
    let values = "3, 'dead', 3, 7, NOW, 'no way'";
    insert(server, "ended_jobs", "max_attempts, status, attempt, fence, finished_at, last_error", values).await
}

async fn insert(server: &Server, table: &str, columns: &str, values: &str) -> Result<String> {
    let digits = format!("{:032x}", rand());
    let id: String = digits
        .char_indices()
        .flat_map(|(place, digit)| [8, 12, 16, 20].contains(&place).then_some('-').into_iter().chain([digit]))
        .collect();
    let on_file = server.setting("DATABASE_URL").is_none();
    let (now, hour, key) = if on_file {
        ("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", "3600000", format!("x'{digits}'"))
    } else {
        ("date_trunc('milliseconds', now())", "interval '1 hour'", format!("'{id}'"))
    };
    let statement = format!(
        "INSERT INTO {table} (id, kind, priority, payload_version, payload, run_at, created_at, {columns})
        VALUES ({key}, '{KIND}', 0, 1, '{PAYLOAD}', {now} + {hour}, {now}, {})",
        values.replace("NOW", now)
    );
    run(server, &statement).await?;
    Ok(id)
}

/// Runs a statement on the store of a server.
async fn run(server: &Server, statement: &str) -> Result<()> {
    let Some(url) = server.setting("DATABASE_URL") else {
        let file = server.folder().join("entrepot.db");
        let mut connection = SqliteConnection::establish(file.to_str().context("its path is no UTF-8")?)?;
        connection.batch_execute("PRAGMA busy_timeout = 10000")?;
        return Ok(connection.batch_execute(statement)?);
    };
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await?;
    drop(client);
    Ok(connection.await??)
}

/// Some number, other each time.
fn rand() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let part = || u128::from(RandomState::new().hash_one(0));
    (part() << 64) | part()
}
