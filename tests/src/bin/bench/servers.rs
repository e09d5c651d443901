//! Entrepot on PostgreSQL and Redis, and beside it, if they are there, others who do the same.
//!
//! `DATABASE_URL` and `REDIS_URL` say on which servers; without them throw-away ones are started, which do not wait for
//! the disk. Each contender has a database of its own there.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use entrepot_testkit::{Postgres, Redis};
use entrepot_tests::{Client, retail};
use serde_json::json;
use tokio_postgres::NoTls;

use crate::{
    bare::Bare,
    contender::{Contender, Outcome, basket},
    shop::Shop,
};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than the best seller sells in all rounds.
const STOCK: i64 = 1_000_000_000;

/// Where contenders keep things.
struct Ground {
    admin: String,
    redis: String,
    _own: Option<(Postgres, Redis)>,
}

impl Ground {
    async fn find() -> Result<Self> {
        if let (Ok(admin), Ok(redis)) = (env::var("DATABASE_URL"), env::var("REDIS_URL")) {
            return Ok(Self { admin, redis, _own: None });
        }
        let (postgres, redis) = (Postgres::start().await?, Redis::start().await?);
        Ok(Self { admin: postgres.url("postgres"), redis: redis.url(), _own: Some((postgres, redis)) })
    }

    /// An empty database with that name; what was there before goes.
    async fn database(&self, name: &str) -> Result<String> {
        self.run(&self.admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        self.run(&self.admin, &format!("CREATE DATABASE {name}")).await?;
        let (server, rest) = self.admin.rsplit_once('/').context("the URL of the database has no path")?;
        let query = rest.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        Ok(format!("{server}/{name}{query}"))
    }

    async fn run(&self, url: &str, sql: &str) -> Result<Vec<String>> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let rows = client.simple_query(sql).await?;
        drop(client);
        connection.await??;
        Ok(rows.iter().filter_map(row).collect())
    }
}

fn row(message: &tokio_postgres::SimpleQueryMessage) -> Option<String> {
    let tokio_postgres::SimpleQueryMessage::Row(row) = message else { return None };
    row.get(0).map(str::to_owned)
}

/// A contender of the same service in Node.js, ended when dropped.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Prints the table; `peers` is a folder with `express.js`, `fastify.js`, `schema.sql` and what they need.
pub(crate) async fn table(peers: Option<&Path>) -> Result<()> {
    let ground = Ground::find().await?;
    let month = retail::month()?;
    let url = ground.database("entrepot_bench").await?;
    let redis = format!("{}?prefix=entrepot_bench:", ground.redis);
    let shop = Shop::of_a_month(&month, STOCK, &[("DATABASE_URL", &url), ("REDIS_URL", &redis)]).await?;
    let (entrepot, ids) = shop.contender()?;
    let baskets: Vec<String> = month
        .baskets
        .iter()
        .map(|lines| basket(lines.iter().filter_map(|(sku, quantity)| Some((ids.get(sku)?.as_str(), *quantity)))))
        .collect();

    println!(
        "| who      | what                                | connections | a second |   p99 ms | CPU µs | refused |"
    );
    println!(
        "|----------|-------------------------------------|-------------|----------|----------|--------|---------|"
    );
    // The first round makes connections and files grow.
    entrepot.order_three(32, 100)?;
    for connections in [8, 32] {
        print(&entrepot, "order of 3 lines", connections, &entrepot.order_three(connections, 8_000 / connections)?);
        print(
            &entrepot,
            "real basket",
            connections,
            &entrepot.order_baskets(connections, 3_118 / connections, &baskets)?,
        );
    }
    // The first round fills the cache.
    entrepot.look(32, 200)?;
    print(&entrepot, "cached product", 32, &entrepot.look(32, 2_000)?);
    let actix = Bare::start()?;
    let bare = Contender::new("actix", actix.pid(), actix.address(), "/api/v1", String::new(), vec!["any".to_owned()])?;
    bare.look(32, 200)?;
    print(&bare, "a bare handler of actix-web", 32, &bare.look(32, 2_000)?);
    let Some(folder) = peers else { return Ok(()) };
    for name in ["express", "fastify"] {
        let (peer, _process) = start_peer(&ground, folder, name).await?;
        peer.order_three(32, 20)?;
        for connections in [8, 32] {
            print(&peer, "order of 3 lines", connections, &peer.order_three(connections, 1_600 / connections)?);
        }
        peer.look(32, 200)?;
        print(&peer, "cached product", 32, &peer.look(32, 500)?);
    }
    Ok(())
}

fn print(who: &Contender, what: &str, connections: usize, outcome: &Outcome) {
    let Outcome { rate, p99, cpu, refused } = outcome;
    println!(
        "| {:<8} | {what:<35} | {connections:>11} | {rate:>8.0} | {p99:>8.1} | {cpu:>6.0} | {refused:>7} |",
        who.name
    );
}

async fn start_peer(ground: &Ground, folder: &Path, name: &'static str) -> Result<(Contender, Peer)> {
    let url = ground.database(&format!("{name}_bench")).await?;
    ground.run(&url, &std::fs::read_to_string(folder.join("schema.sql"))?).await?;
    // Free for now, and nobody else on this machine is given it at once again.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new("node");
    command.arg(format!("{name}.js")).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::inherit());
    command.env("DATABASE_URL", &url).env("REDIS_URL", &ground.redis).env("PORT", address.port().to_string());
    command.envs([
        ("JWT_SECRET", "a secret of bench, 32 bytes long"),
        ("REFRESH_TOKEN_SECRET", "another one, which is as long too"),
    ]);
    let process = Peer(command.spawn().context("node")?);
    until_it_listens(address)?;
    let token = log_in(address).await?;
    let products = ground.run(&url, "SELECT id FROM products LIMIT 2788").await?;
    let peer = Contender::new(name, process.0.id(), address, "", token, products)?;
    Ok((peer, process))
}

fn until_it_listens(address: SocketAddr) -> Result<()> {
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        if begun.elapsed() > PATIENCE {
            bail!("nobody listens on {address}");
        }
        std::thread::yield_now();
    }
    Ok(())
}

async fn log_in(address: SocketAddr) -> Result<String> {
    let (email, password) = ("ada@example.com", "correct horse battery");
    let nobody = Client::new(&format!("http://{address}"));
    let registered = nobody.post("//users", json!({"name": "Ada", "email": email, "password": password})).await?;
    ensure!(registered.status == 201, "nobody can register at {address}");
    let answer = nobody.post("//auth/login", json!({"email": email, "password": password})).await?;
    answer.data()["token"].as_str().map(str::to_owned).context("no token")
}
