//! A temporary Redis server.

use std::{
    env, fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OnceCell,
    time::{sleep, timeout},
};

use super::process::{CHECK_INTERVAL, MAX_TRIES, SERVER_TIMEOUT, Server, Storage, free_port, free_port_below, in_path};

const INSTALL: &str = "the program redis-server is missing: please install it (apt-get install postgresql \
                       redis-server), or set TEST_REDIS_URL to a server that tests may use";

/// The arguments of every Redis: nothing is stored on disk.
const ARGUMENTS: [&str; 6] = ["--save", "", "--appendonly", "no", "--daemonize", "no"];

/// The time-out of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A Redis server on a free port of the loopback interface, which stores nothing on disk.
///
/// Ends when it is dropped, and with the test process.
pub struct Redis {
    server: Server,
    program: PathBuf,
    port: u16,
    args: Vec<String>,
    /// Whether it also accepts TLS, on the next port.
    tls: bool,
}

impl Redis {
    /// Starts a server.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[], free_port).await
    }

    /// Starts a server that accepts TLS, with a certificate and a key from PEM files.
    pub async fn start_with_tls(certificate: &Path, key: &Path) -> Result<Self> {
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
        let redis = Self { tls: true, ..Self::prepare()? };
        redis.launch_anywhere(&[&ARGUMENTS[..], &tls].concat(), || free_port_below(32_767, 1)).await
    }

    /// Starts a server with further arguments, on a port of this kind.
    pub(super) async fn start_with(args: &[&str], port: impl Fn() -> Result<u16>) -> Result<Self> {
        Self::prepare()?.launch_anywhere(&[&ARGUMENTS, args].concat(), port).await
    }

    /// Starts a server that reads its settings from a file, which it also writes.
    pub(super) async fn start_on(settings: &str, args: &[&str]) -> Result<Self> {
        const FILE: &str = "redis.conf";
        let redis = Self::prepare()?;
        fs::write(redis.server.folder().join(FILE), settings).context("cannot write the settings of Redis")?;
        redis.launch_anywhere(&[&[FILE], args].concat(), free_port).await
    }

    fn prepare() -> Result<Self> {
        let program = ["redis-server", "valkey-server"].into_iter().flat_map(in_path).next();
        let program = program.ok_or_else(|| anyhow!(INSTALL))?;
        Ok(Self {
            server: Server::prepare("redis", "KILL", false, Storage::Fast)?,
            program,
            port: 0,
            args: Vec::new(),
            tls: false,
        })
    }

    async fn launch_anywhere(mut self, args: &[&str], port: impl Fn() -> Result<u16>) -> Result<Self> {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        for _ in 0..MAX_TRIES {
            self.port = port()?;
            if self.launch().await? {
                return Ok(self);
            }
        }
        bail!("others took each of {MAX_TRIES} ports before Redis could{}", self.server.log())
    }

    /// Its URL.
    pub fn url(&self) -> String {
        if self.tls {
            format!("rediss://127.0.0.1:{}", self.port + 1)
        } else {
            format!("redis://127.0.0.1:{}", self.port)
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process ID; 0 if it does not run.
    pub fn pid(&self) -> u32 {
        self.server.pid().unwrap_or(0)
    }

    /// Sends a command and returns the answer, as sent on the wire.
    pub async fn ask(&self, command: &str) -> Result<String> {
        let asked = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(format!("{command}\r\n").as_bytes()).await?;
            // It closes the connection after the answer. A sentinel does not support QUIT.
            stream.shutdown().await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        timeout(ANSWER_TIMEOUT, asked).await.with_context(|| format!("Redis does not answer to {command}"))?
    }

    /// Kills it, and waits until it is dead.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same port, empty. If it is running, it is killed first.
    pub async fn restart(&mut self) -> Result<()> {
        self.server.kill();
        let start = Instant::now();
        while !self.launch().await? {
            if start.elapsed() > SERVER_TIMEOUT {
                bail!("another took the port {} of a Redis that was down{}", self.port, self.server.log());
            }
            sleep(CHECK_INTERVAL).await;
        }
        Ok(())
    }

    /// Suspends it: connections stay open, and nothing is answered.
    pub fn freeze(&self) {
        self.server.family("freeze");
    }

    /// Ends [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.server.family("thaw");
    }

    /// Starts it on its port and waits until it is ready; returns false if the port is in use.
    async fn launch(&mut self) -> Result<bool> {
        let (port, tls_port) = (self.port.to_string(), (self.port + 1).to_string());
        let own = ["--bind", "127.0.0.1", "--port", &port, "--tls-port", &tls_port];
        let own = own.into_iter().take(if self.tls { 6 } else { 4 });
        self.server.spawn(&self.program, self.args.iter().map(String::as_str).chain(own))?;
        let start = Instant::now();
        loop {
            if !self.server.is_running()? {
                if self.server.port_was_in_use() {
                    return Ok(false);
                }
                bail!("{} ended at once{}", self.program.display(), self.server.log());
            }
            if timeout(Duration::from_secs(1), self.answers()).await.is_ok_and(|answer| answer.unwrap_or(false)) {
                return Ok(true);
            }
            if start.elapsed() > SERVER_TIMEOUT {
                bail!("Redis does not answer{}", self.server.log());
            }
            sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns whether the server on the port is this one.
    async fn answers(&self) -> Result<bool> {
        let about = self.ask("INFO server").await?;
        Ok(about.lines().any(|line| line == format!("process_id:{}", self.pid())))
    }

    /// Waits until the answer to a command satisfies a condition.
    pub(super) async fn until(&self, command: &str, is_so: impl Fn(&str) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let answer = self.ask(command).await?;
            if is_so(&answer) {
                return Ok(());
            }
            if start.elapsed() > SERVER_TIMEOUT {
                bail!("Redis still answers to {command}: {answer}{}", self.server.log());
            }
            sleep(CHECK_INTERVAL).await;
        }
    }

    /// Sends a command that must succeed.
    pub(super) async fn must(&self, command: &str) -> Result<()> {
        let answer = self.ask(command).await?;
        ensure!(answer == "+OK\r\n", "Redis refuses {command:.80}: {answer}");
        Ok(())
    }
}

/// The URL of the Redis that the tests of this process share: one that the first call starts, or that of
/// `TEST_REDIS_URL`.
///
/// It is shared, so each test uses its own keys.
pub async fn redis_url() -> Result<String> {
    static SHARED: OnceCell<Redis> = OnceCell::const_new();
    if let Some(url) = env::var("TEST_REDIS_URL").ok().filter(|url| !url.is_empty()) {
        return Ok(url);
    }
    Ok(SHARED.get_or_try_init(Redis::start).await.context("no Redis for the tests")?.url())
}
