//! Two instances behind a proxy are restarted one after the other while they sell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Client, Server, stores};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child, Command},
    task::{JoinSet, block_in_place},
    time::sleep,
};

const CLIENTS: usize = 16;
const STOCK: i64 = 10_000_000;

/// Far longer than an instance takes to start and to be noticed.
const PATIENCE: Duration = Duration::from_secs(30);

/// `HAProxy` with the configuration that we recommend; killed when dropped.
struct Proxy {
    process: Child,
    folder: TempDir,
    url: String,
}

impl Proxy {
    fn before(server: &Server) -> Result<Self> {
        let folder = TempDir::new()?;
        let front = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let urls = server.urls();
        let [one, two] = &urls[..] else { anyhow::bail!("two instances are wanted") };
        let stats = folder.path().join("stats.cfg");
        std::fs::write(&stats, format!("global\n    stats socket {}\n", Self::socket(folder.path()).display()))?;
        let recommended = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haproxy.cfg");
        let process = Command::new("haproxy")
            .arg("-f")
            .arg(recommended)
            .arg("-f")
            .arg(stats)
            .env("ENTREPOT_FRONT", front.to_string())
            .env("ENTREPOT_ONE", one.trim_start_matches("http://"))
            .env("ENTREPOT_TWO", two.trim_start_matches("http://"))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context(
                "this test needs haproxy in the path; Debian's package is called the same, and tests/run installs it",
            )?;
        Ok(Self { process, folder, url: format!("http://{front}") })
    }

    fn socket(folder: &Path) -> PathBuf {
        folder.join("stats.sock")
    }

    /// How many instances it sends requests to.
    async fn ready(&self) -> Result<usize> {
        let mut stats = UnixStream::connect(Self::socket(self.folder.path())).await?;
        stats.write_all(b"show stat\n").await?;
        let mut text = String::new();
        stats.read_to_string(&mut text).await?;
        let instances =
            text.lines().filter(|line| line.starts_with("entrepot,one,") || line.starts_with("entrepot,two,"));
        // Before the first check it takes them to be up, without a word of how they answered.
        Ok(instances.filter(|line| line.contains(",UP,") && line.contains(",L7OK,")).count())
    }

    async fn sends_to(&mut self, instances: usize) -> Result<()> {
        let began = Instant::now();
        while self.ready().await.unwrap_or_default() != instances {
            ensure!(self.process.try_wait()?.is_none(), "haproxy has ended");
            ensure!(began.elapsed() < PATIENCE, "haproxy does not see {instances} instances");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Buys until told to stop; every order must be answered with a 201.
async fn buy(client: Client, product: String, enough: Arc<AtomicBool>, bought: Arc<AtomicUsize>) -> Result<()> {
    while !enough.load(Ordering::Relaxed) {
        client.order(&product, 1).await.context("a request failed")?.expect(201);
        bought.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rolling_restart_behind_a_proxy_fails_no_request() -> Result<()> {
    let mut server = stores::start(2, &[("SHUTDOWN_GRACE", "2s")]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, STOCK).await?;
    let mut proxy = Proxy::before(&server)?;
    proxy.sends_to(2).await?;

    let (enough, bought) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut buyers = JoinSet::new();
    for _ in 0..CLIENTS {
        buyers.spawn(buy(ada.at(&proxy.url), mug.clone(), enough.clone(), bought.clone()));
    }
    for instance in 0..2 {
        let before = bought.load(Ordering::Relaxed);
        assert_eq!(block_in_place(|| server.roll(instance))?.code(), Some(0));
        assert!(bought.load(Ordering::Relaxed) > before, "the other one did not sell meanwhile");
        proxy.sends_to(2).await?;
    }
    enough.store(true, Ordering::Relaxed);
    for buyer in buyers.join_all().await {
        buyer?;
    }
    let bought = bought.load(Ordering::Relaxed);
    println!("{bought} orders through two restarts, and none failed");
    let admin = server.again(&admin);
    assert_eq!(usize::try_from(STOCK - admin.stock(&mug).await?)?, bought);
    let orders = admin.all("/orders").await?;
    assert_eq!(orders.len(), bought);
    assert!(orders.iter().all(|order: &Value| order["status"] == "pending"));
    Ok(())
}
