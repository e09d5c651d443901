//! The temporary servers: starting, stopping, killing and freezing them, and what remains after a crash.
#![allow(missing_docs, reason = "tests")]

mod database;
mod postgres;
mod processes;
mod redis;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

/// Longer than any test takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Long enough for a running server to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

/// How often [`migrate`] has run.
static MIGRATIONS: AtomicUsize = AtomicUsize::new(0);

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn number(client: &Client, query: &str) -> Result<i64> {
    Ok(client.query_one(query, &[]).await?.try_get(0)?)
}

async fn migrate(url: String) -> Result<()> {
    MIGRATIONS.fetch_add(1, Ordering::Relaxed);
    let client = connect(&url).await?;
    client.batch_execute("CREATE TABLE things (id bigint PRIMARY KEY)").await?;
    // The connection stays open.
    std::mem::forget(client);
    Ok(())
}

/// Sends a command to Redis and returns the answer, if it arrives in time.
fn ask(port: u16, command: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    write!(stream, "{command}\r\n")?;
    // A sentinel does not support QUIT.
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < TIMEOUT, "{what} takes too long");
        sleep(Duration::from_millis(10)).await;
    }
}
