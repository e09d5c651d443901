//! The PostgreSQL and the Redis on which contenders are measured.
//!
//! `DATABASE_URL` and `REDIS_URL` say which; without them throw-away ones are started, on the disk and with `fsync`. Each
//! contender has a database of its own there.

use std::{
    env,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context, Result};
use entrepot_testkit::{Postgres, Redis};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::process;

/// Where contenders keep things.
pub(crate) struct Ground {
    admin: String,
    pub(crate) redis: String,
    pub(crate) processes: Processes,
    _own: Option<(Postgres, Redis)>,
}

/// The processes of both, if they run on this machine.
pub(crate) struct Processes {
    pub(crate) postgres: Option<u32>,
    pub(crate) redis: Option<u32>,
}

impl Ground {
    pub(crate) async fn find() -> Result<Self> {
        let (admin, redis, own) = if let (Ok(admin), Ok(redis)) = (env::var("DATABASE_URL"), env::var("REDIS_URL")) {
            (admin, redis, None)
        } else {
            let (postgres, redis) = (Postgres::start_on_disk().await?, Redis::start().await?);
            (postgres.url("postgres"), redis.url(), Some((postgres, redis)))
        };
        let processes = Processes { postgres: postgres_process(&admin).await, redis: redis_process(&redis) };
        Ok(Self { admin, redis, processes, _own: own })
    }

    /// An empty database with that name; what was there before goes.
    pub(crate) async fn database(&self, name: &str) -> Result<String> {
        query(&self.admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        query(&self.admin, &format!("CREATE DATABASE {name}")).await?;
        let (server, rest) = self.admin.rsplit_once('/').context("the URL of the database has no path")?;
        let query = rest.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        Ok(format!("{server}/{name}{query}"))
    }
}

/// Runs statements, and returns the columns of each row.
pub(crate) async fn query(url: &str, sql: &str) -> Result<Vec<Vec<String>>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let messages = client.simple_query(sql).await?;
    drop(client);
    connection.await??;
    let columns = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|n| row.get(n).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    };
    Ok(messages.iter().filter_map(columns).collect())
}

/// The process that started the one that serves a connection.
async fn postgres_process(url: &str) -> Option<u32> {
    let rows = query(url, "SELECT pg_backend_pid()").await.ok()?;
    let backend: u32 = rows.first()?.first()?.parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{backend}/comm")).ok()?;
    if name.trim() == "postgres" { process::parent(backend).ok() } else { None }
}

/// The process that `INFO` names.
fn redis_process(url: &str) -> Option<u32> {
    let place = url.strip_prefix("redis://")?.split(['/', '?']).next()?;
    let mut stream = TcpStream::connect(place).ok()?;
    stream.write_all(b"INFO server\r\nQUIT\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let pid = answer.lines().find_map(|line| line.strip_prefix("process_id:"))?.trim().parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    (name.contains("redis") || name.contains("valkey")).then_some(pid)
}
