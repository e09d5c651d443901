//! Servers on PostgreSQL and Redis, and access to their data.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Database, redis_url};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use tokio_postgres::NoTls;

use crate::{Server, process::run};

/// The size of an instance's pool. The instances of all tests share the one PostgreSQL of the process.
const POOL: &str = "6";

/// How many servers may run at once, whatever the number of tests that run in parallel: with two instances and a command
/// each, they need less than the hundred connections that PostgreSQL usually has. It is greater than the number of tests
/// that need two servers, so these cannot deadlock.
static PLACES: Semaphore = Semaphore::const_new(5);

/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is released when a server is dropped.
struct Kept {
    _database: Database,
    _place: SemaphorePermit<'static>,
}

/// Starts instances that share a new database, a new prefix of keys in Redis, and the secrets of tokens.
///
/// # Errors
/// If they, PostgreSQL or Redis do not start.
pub async fn start(instances: usize, settings: &[(&str, &str)]) -> Result<Server> {
    start_on(&redis_url().await?, instances, settings).await
}

/// The same on that Redis.
///
/// # Errors
/// If they or PostgreSQL do not start.
pub async fn start_on(redis: &str, instances: usize, settings: &[(&str, &str)]) -> Result<Server> {
    let place = PLACES.acquire().await?;
    let database = Database::new(migrate).await?;
    let url = database.url().to_owned();
    let redis = format!("{redis}{}prefix={}:&timeout=5", if redis.contains('?') { '&' } else { '?' }, random(1));
    let [access, refresh] = [random(4), random(4)];
    let own = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", &redis),
        ("DB_POOL_MAX", POOL),
        ("JWT_SECRET", &access),
        ("REFRESH_TOKEN_SECRET", &refresh),
    ];
    let kept = Kept { _database: database, _place: place };
    Server::start_many(instances, &[&own[..], settings].concat(), Box::new(kept)).await
}

/// Fills the template of all databases, as an operator does.
async fn migrate(url: String) -> Result<()> {
    tokio::task::spawn_blocking(move || {
        let folder = TempDir::new()?;
        let out = run(folder.path(), &["migrate"], &[("DATABASE_URL".into(), url.into())], "")?;
        ensure!(out.status.success(), "entrepot migrate: {}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    })
    .await?
}

/// So many times sixteen random hexadecimal digits.
fn random(times: usize) -> String {
    let parts: Vec<_> = (0..times).map(|n| format!("{:016x}", RandomState::new().hash_one(n))).collect();
    parts.concat()
}

/// A database with nothing in it, not even a schema.
///
/// # Errors
/// If PostgreSQL does not start.
pub async fn empty_database() -> Result<Database> {
    Database::empty().await
}

/// Queries the database of a server; returns the first column of each row as text.
///
/// # Errors
/// If the server has none, or it does not answer.
pub async fn ask(server: &Server, query: &str) -> Result<Vec<String>> {
    let url = server.setting("DATABASE_URL").context("the server has no database of its own")?;
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let rows = client.query(query, &[]).await?;
    drop(client);
    connection.await??;
    rows.iter().map(|row| Ok(row.try_get::<_, Option<String>>(0)?.unwrap_or_default())).collect()
}

/// All stored data of a server, in no particular order: of its folder, and of PostgreSQL and Redis if it uses them.
///
/// # Errors
/// If one of them cannot be read.
pub async fn kept(server: &Server) -> Result<Vec<u8>> {
    let mut kept = Vec::new();
    for file in fs::read_dir(server.folder())? {
        let path = file?.path();
        if path.is_file() {
            kept.extend(fs::read(path)?);
        }
    }
    if server.setting("DATABASE_URL").is_none() {
        return Ok(kept);
    }
    let tables = "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'";
    for table in ask(server, tables).await? {
        for row in ask(server, &format!("SELECT t::text FROM {table} t")).await? {
            kept.extend_from_slice(row.as_bytes());
        }
    }
    kept.extend(in_redis(server).await?);
    Ok(kept)
}

/// A script that returns all keys with the server's prefix, and their values.
const ALL: &str = "local all = {} \
     for _, key in ipairs(redis.call('KEYS', '*' .. ARGV[1] .. '*')) do \
         all[#all + 1] = key \
         local kind = redis.call('TYPE', key).ok \
         if kind == 'string' then all[#all + 1] = redis.call('GET', key) \
         elseif kind == 'hash' then all[#all + 1] = table.concat(redis.call('HGETALL', key), ' ') \
         elseif kind == 'list' then all[#all + 1] = table.concat(redis.call('LRANGE', key, 0, -1), ' ') \
         else return redis.error_reply('a ' .. kind) end \
     end \
     return table.concat(all, ' ')";

async fn in_redis(server: &Server) -> Result<Vec<u8>> {
    let url = server.setting("REDIS_URL").context("the server has no Redis")?;
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
    let prefix = prefix.context("the server has no keys of its own")?;
    let mut stream = BufReader::new(TcpStream::connect(address.trim_start_matches("redis://")).await?);
    let parts = ["EVAL", ALL, "0", prefix].map(|part| format!("${}\r\n{part}\r\n", part.len()));
    stream.write_all(format!("*4\r\n{}", parts.concat()).as_bytes()).await?;
    let mut head = String::new();
    timeout(PATIENCE, stream.read_line(&mut head)).await??;
    let length: usize = head.trim().strip_prefix('$').with_context(|| format!("Redis says {head}"))?.parse()?;
    ensure!(length > 0, "the server keeps nothing in this Redis");
    let mut all = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut all)).await??;
    Ok(all)
}
