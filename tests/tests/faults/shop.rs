//! The program under test with its servers, products and customers.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Postgres, Redis};
use entrepot_tests::{Answer, Client, Server};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// How many there are of each product; more than any test sells.
pub(crate) const STOCK: i64 = 1_000_000;

/// How many products there are.
const PRODUCTS: u16 = 5;

/// How many customers there are.
pub(crate) const BUYERS: u16 = 8;

/// How soon everything must work again after a server is back.
pub(crate) const RECOVERY: Duration = Duration::from_secs(10);

/// The interval between two checks of a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Runs one test at a time: each measures durations, and needs both cores.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Waits until a condition holds; returns how long that took.
pub(crate) async fn poll(
    what: &str,
    patience: Duration,
    mut done: impl AsyncFnMut() -> Result<bool>,
) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        if done().await? {
            return Ok(begun.elapsed());
        }
        ensure!(begun.elapsed() < patience, "not in {patience:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// The program on servers of its own, with products to sell and customers who are logged in.
pub(crate) struct Shop {
    pub(crate) server: Server,
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    pub(crate) admin: Client,
    pub(crate) products: Vec<String>,
    pub(crate) buyers: Vec<Client>,
}

impl Shop {
    /// Opens one, with these settings beside those that say where the servers are.
    pub(crate) async fn open(settings: &[(&str, &str)]) -> Result<Self> {
        let (postgres, redis) = tokio::try_join!(Postgres::start(), Redis::start())?;
        Self::open_on(postgres, redis, settings).await
    }

    /// The same on these servers. Redis may be away.
    pub(crate) async fn open_on(postgres: Postgres, redis: Redis, settings: &[(&str, &str)]) -> Result<Self> {
        let (database, cache) = (postgres.create_database("shop").await?, redis.url());
        let common = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &cache), ("DB_CONNECT_TIMEOUT", "1s")];
        let server = Server::start(&[&common, settings].concat()).await?;
        let admin = server.admin().await?;
        let (mut products, mut buyers) = (Vec::new(), Vec::new());
        for n in 0..PRODUCTS {
            products.push(admin.product(&format!("P-{n}"), 100 + i64::from(n), STOCK).await?);
        }
        for n in 0..BUYERS {
            buyers.push(server.customer(&format!("buyer-{n}@example.com")).await?);
        }
        Ok(Self { server, postgres, redis, admin, products, buyers })
    }

    /// Another instance of the program on the same servers, with keys of its own in Redis.
    pub(crate) async fn instance(&self, settings: &[(&str, &str)]) -> Result<Server> {
        let redis = format!("{}?prefix=other:", self.redis.url());
        let common = [("DATABASE_URL", self.database()), ("REDIS_URL", redis), ("DB_CONNECT_TIMEOUT", "1s".to_owned())];
        let common: Vec<_> = common.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Server::start(&[&common, settings].concat()).await
    }

    /// Where the data is.
    pub(crate) fn database(&self) -> String {
        self.postgres.url("shop")
    }

    /// The body of `/health/ready`.
    pub(crate) async fn ready(&self) -> Result<Answer> {
        self.server.anonymous().get("//health/ready").await
    }

    /// Whether the program says that a dependency is up.
    pub(crate) async fn shows(&self, name: &str, status: &str) -> Result<bool> {
        Ok(dependency(&self.ready().await?, name)? == status)
    }

    /// Waits until whatever a client may want works, and both servers are said to be up; says how long that took.
    pub(crate) async fn recovers(&self) -> Result<Duration> {
        let took = poll("everything works again", RECOVERY, async || self.works().await).await?;
        poll("Redis is used again", RECOVERY, async || self.shows("redis", "up").await).await?;
        Ok(took)
    }

    async fn works(&self) -> Result<bool> {
        let ada = self.buyers.first().context("no buyer")?;
        let product = format!("/products/{}", self.products.first().context("no product")?);
        let login = json!({"email": ada.email(), "password": ada.password()});
        let answers = [
            (200, self.ready().await?),
            (200, ada.post("/auth/login", login).await?),
            (200, ada.get("/users/me").await?),
            (200, ada.get(&product).await?),
            (200, ada.get("/products?q=P-&sort=-price").await?),
            (200, ada.get("/orders?limit=1").await?),
            (200, self.admin.patch(&product, json!({"description": "as good as new"})).await?),
        ];
        for (wanted, answer) in &answers {
            if answer.status == 503 {
                unavailable(answer)?;
                return Ok(false);
            }
            ensure!(answer.status == *wanted, "{} {}", answer.status, answer.body);
        }
        Ok(true)
    }
}

impl Drop for Shop {
    /// Prints the log of the program if the test fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.complaints());
        }
    }
}

impl Shop {
    /// The last warnings and errors of the program's log.
    pub(crate) fn complaints(&self) -> String {
        let log = self.server.log();
        let bad: Vec<&str> = log.lines().filter(|line| !line.contains("INFO")).collect();
        bad.get(bad.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }
}

/// The status of a dependency in a response of `/health/ready`.
pub(crate) fn dependency(ready: &Answer, name: &str) -> Result<String> {
    let all = ready.body["data"]["dependencies"].as_array().context("no dependencies")?;
    let one = all.iter().find(|dependency| dependency["name"] == name);
    Ok(one.and_then(|one| one["status"].as_str()).with_context(|| format!("no {name}: {}", ready.body))?.to_owned())
}

/// Expects a 503 with its headers and envelope.
pub(crate) fn unavailable(answer: &Answer) -> Result<()> {
    let body = &answer.body;
    let told = (&body["status"], &body["code"]) == (&Value::from("error"), &Value::from("unavailable"));
    ensure!(answer.status == 503 && told, "{} {body}", answer.status);
    ensure!(body["requestId"].as_str() == Some(answer.header("x-request-id")), "{body}");
    ensure!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "no Retry-After: {body}");
    Ok(())
}
