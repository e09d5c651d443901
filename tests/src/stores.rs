//! Servers on PostgreSQL and Redis, and a look behind them.

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

/// The connections of one instance. Every test brings instances of its own to the one PostgreSQL of its process.
const POOL: &str = "6";

/// How many servers may be at work at once, whatever the number of tests that run side by side: with two instances and
/// a command each, they stay below the hundred connections that PostgreSQL usually has. More than there are tests that
/// want two servers, so these never wait for each other for ever.
static PLACES: Semaphore = Semaphore::const_new(5);

/// How long Redis may take to tell what it keeps.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server has to itself for as long as it lives.
struct Kept {
    _database: Database,
    _place: SemaphorePermit<'static>,
}

/// Starts instances that share a database and the keys of a Redis, which are theirs alone, and the secrets of tokens.
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

/// So many times sixteen digits that nobody guesses.
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

/// Asks the database of a server; every row is the text of its first column.
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

/// Everything that a server keeps, in some order: in its folder, and in PostgreSQL and Redis if it uses them.
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

/// Hands out all keys that have the server's prefix, with what is behind them.
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
