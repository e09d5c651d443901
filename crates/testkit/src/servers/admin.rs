//! The connection that creates and drops the databases of this test process.
//!
//! It has its own thread and runtime, because the runtime of a test ends with the test.

use std::{
    env,
    hash::{BuildHasher, RandomState},
    thread,
};

use anyhow::{Context, Result, anyhow};
use tokio::sync::{OnceCell, mpsc, oneshot};
use tokio_postgres::{Client, NoTls};

use super::postgres::Postgres;

/// The prefix of database names, followed by the numbers of the process and of the database.
pub(super) const PREFIX: &str = "entrepot_test_";

/// The first half of the keys of the advisory locks that show that a process is alive.
const LOCKS: i32 = 0x656e_7472;

/// Creates and drops databases.
pub(super) struct Admin {
    base: String,
    token: i32,
    requests: mpsc::UnboundedSender<Request>,
    /// Held for the lifetime of the process; `None` for the server of `TEST_DATABASE_URL`.
    _server: Option<Postgres>,
}

struct Request {
    statements: Vec<String>,
    answer: Box<dyn FnOnce(Result<()>) + Send>,
}

impl Admin {
    /// Returns that of this process; the first call starts its server.
    pub(super) async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Admin> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    async fn start() -> Result<Self> {
        let given = env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty());
        let (base, server) = if let Some(url) = given {
            (url, None)
        } else {
            let server = Postgres::start().await.context("no PostgreSQL for the tests")?;
            (server.url("postgres"), Some(server))
        };
        let token = token();
        let (requests, inbox) = mpsc::unbounded_channel();
        let url = base.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = move || runtime.block_on(serve(&url, token, inbox));
        thread::Builder::new().name("test databases".to_owned()).spawn(work)?;
        Ok(Self { base, token, requests, _server: server })
    }

    /// The URL of a database.
    pub(super) fn url(&self, database: &str) -> String {
        with_database(&self.base, database)
    }

    /// The name of a database.
    pub(super) fn name(&self, number: u32) -> String {
        format!("{PREFIX}{}_{number}", self.token)
    }

    /// Runs the statements, each in its own transaction.
    pub(super) async fn run(&self, statements: Vec<String>) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.submit(statements, move |outcome| drop(answer.send(outcome)));
        answered.await.unwrap_or_else(|_| Err(anyhow!("the thread of the test databases is gone")))
    }

    /// Sends the statements to the thread of the connection, which sends back the result.
    pub(super) fn submit(&self, statements: Vec<String>, answer: impl FnOnce(Result<()>) + Send + 'static) {
        // If the thread has ended, the sender of the result is dropped, which the caller sees.
        self.requests.send(Request { statements, answer: Box::new(answer) }).ok();
    }
}

/// A positive number that no other test process of the server has.
fn token() -> i32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one("token").to_le_bytes();
    (i32::from_le_bytes([a, b, c, d]) & i32::MAX).max(1)
}

async fn serve(url: &str, token: i32, mut inbox: mpsc::UnboundedReceiver<Request>) {
    let mut client: Option<Client> = None;
    while let Some(Request { statements, answer }) = inbox.recv().await {
        if client.as_ref().is_none_or(Client::is_closed) {
            match connect(url, token).await {
                Ok(connected) => client = Some(connected),
                Err(why) => {
                    answer(Err(why));
                    continue;
                }
            }
        }
        if let Some(client) = &client {
            answer(run(client, &statements).await);
        }
    }
}

async fn connect(url: &str, token: i32) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("cannot connect to the PostgreSQL of the tests")?;
    tokio::spawn(connection);
    client.execute("SELECT pg_advisory_lock($1, $2)", &[&LOCKS, &token]).await?;
    sweep(&client).await.context("cannot drop what a dead test process left behind")?;
    Ok(client)
}

/// Drops the databases of test processes that have died.
async fn sweep(client: &Client) -> Result<()> {
    let pattern = format!("^{PREFIX}[0-9]+_");
    let names = client.query("SELECT datname::text FROM pg_database WHERE datname ~ $1", &[&pattern]).await?;
    for row in names {
        let name: String = row.get(0);
        let number = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
        let Some(owner) = number.and_then(|number| number.parse::<i32>().ok()) else { continue };
        // A lock held by another session is that of a live process; our own would be granted again.
        let query = "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::int4::oid \
                     AND objid = $2::int4::oid AND granted)";
        if client.query_one(query, &[&LOCKS, &owner]).await?.get::<_, bool>(0) {
            // Another process may drop the same databases.
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.ok();
        }
    }
    Ok(())
}

async fn run(client: &Client, statements: &[String]) -> Result<()> {
    for statement in statements {
        client.batch_execute(statement).await.with_context(|| format!("PostgreSQL refuses: {statement}"))?;
    }
    Ok(())
}

/// Replaces the database in a URL.
fn with_database(url: &str, database: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
    let server = rest.split('/').next().unwrap_or_default();
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{server}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_is_replaced_in_a_url() {
        let with = |url| with_database(url, "x");
        assert_eq!(with("postgres://u:p@h:1/a?sslmode=disable"), "postgres://u:p@h:1/x?sslmode=disable");
        assert_eq!(with("postgresql://h/a"), "postgresql://h/x");
        assert_eq!(with("postgres://h"), "postgres://h/x");
        assert_eq!(with("postgres://h?user=u"), "postgres://h/x?user=u");
    }
}
