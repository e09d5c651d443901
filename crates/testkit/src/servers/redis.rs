//! A throw-away Redis.

use std::{
    env,
    net::Ipv4Addr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OnceCell,
    time::{sleep, timeout},
};

use super::process::{LOOK, PATIENCE, Server, TRIES, free_port, in_path};

const INSTALL: &str = "the program redis-server is missing: please install it (apt-get install postgresql \
                       redis-server), or set TEST_REDIS_URL to a server that tests may use";

/// A Redis of its own on a free port of the loopback, which keeps nothing on disk.
///
/// It ends when it is dropped, and with the test process.
pub struct Redis {
    server: Server,
    program: PathBuf,
    port: u16,
}

impl Redis {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let program = ["redis-server", "valkey-server"].into_iter().flat_map(in_path).next();
        let program = program.ok_or_else(|| anyhow!(INSTALL))?;
        let mut redis = Self { server: Server::prepare("redis", "KILL", false)?, program, port: 0 };
        for _ in 0..TRIES {
            redis.port = free_port()?;
            if redis.launch().await? {
                return Ok(redis);
            }
        }
        bail!("others took each of {TRIES} ports before Redis could{}", redis.server.log())
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port of the loopback where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id; 0 if it does not run.
    pub fn pid(&self) -> u32 {
        self.server.pid().unwrap_or(0)
    }

    /// Kills it at once, and waits until it is dead.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same port, with nothing in it. One that still runs is killed first.
    pub async fn restart(&mut self) -> Result<()> {
        self.server.kill();
        let start = Instant::now();
        while !self.launch().await? {
            if start.elapsed() > PATIENCE {
                bail!("another took the port {} of a Redis that was down{}", self.port, self.server.log());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Lets it hang: connections stay, and nothing is answered.
    pub fn freeze(&self) {
        self.server.family("freeze");
    }

    /// Ends [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.server.family("thaw");
    }

    /// Starts it on its port and waits until it answers; false if the port is another's.
    async fn launch(&mut self) -> Result<bool> {
        let port = self.port.to_string();
        let quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--bind", "127.0.0.1", "--port", &port];
        self.server.spawn(&self.program, quiet)?;
        let start = Instant::now();
        loop {
            if !self.server.runs()? {
                if self.server.port_was_taken() {
                    return Ok(false);
                }
                bail!("{} ended at once{}", self.program.display(), self.server.log());
            }
            if timeout(Duration::from_secs(1), self.answers()).await.is_ok_and(|answer| answer.unwrap_or(false)) {
                return Ok(true);
            }
            if start.elapsed() > PATIENCE {
                bail!("Redis does not answer{}", self.server.log());
            }
            sleep(LOOK).await;
        }
    }

    /// Whether the one that answers on the port is this one.
    async fn answers(&self) -> Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.write_all(b"INFO server\r\nQUIT\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.lines().any(|line| line == format!("process_id:{}", self.pid())))
    }
}

/// Where the Redis is that the tests of this process share: started when it is first asked for, or `TEST_REDIS_URL`.
///
/// Others use it at the same time, so a test takes keys that are its own.
pub async fn redis_url() -> Result<String> {
    static SHARED: OnceCell<Redis> = OnceCell::const_new();
    if let Some(url) = env::var("TEST_REDIS_URL").ok().filter(|url| !url.is_empty()) {
        return Ok(url);
    }
    Ok(SHARED.get_or_try_init(Redis::start).await.context("no Redis for the tests")?.url())
}
