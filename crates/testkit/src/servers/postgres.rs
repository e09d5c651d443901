//! A temporary PostgreSQL server.

use std::{
    cmp::Reverse,
    fs,
    hash::{BuildHasher, RandomState},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use tokio::time::{sleep, timeout};
use tokio_postgres::NoTls;

use super::process::{CHECK_INTERVAL, MAX_TRIES, SERVER_TIMEOUT, Server, Storage, free_port, in_path, said};

const INSTALL: &str = "the programs of the PostgreSQL server are missing (looked in PATH and in \
                       /usr/lib/postgresql/*/bin): please install them (apt-get install postgresql redis-server), or \
                       set TEST_DATABASE_URL to a server on which tests may create databases";

/// The settings of a cluster that need not survive a crash of the machine, but behaves as one that does.
const SETTINGS: [&str; 16] = [
    "listen_addresses=127.0.0.1",
    // No Unix socket: its path could be too long, or not writable.
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "max_connections=200",
    "shared_buffers=64MB",
    // Otherwise a killed server leaves shared memory outside its folder.
    "dynamic_shared_memory_type=mmap",
    "logging_collector=off",
    // The folder may be in memory.
    "max_wal_size=256MB",
    "log_timezone=UTC",
    "timezone=UTC",
    // A replica can catch up after it was down, and reconnects to its primary often.
    "wal_level=replica",
    "wal_keep_size=256MB",
    "wal_retrieve_retry_interval=100ms",
    "hot_standby=on",
];

/// The settings that differ in a cluster on a disk: they are the defaults of PostgreSQL.
const DISK_SETTINGS: [&str; 4] = ["fsync=on", "full_page_writes=on", "shared_buffers=128MB", "max_wal_size=1GB"];

/// A PostgreSQL server on a free port of the loopback interface, with the superuser `postgres` and a random password.
///
/// Ends when it is dropped, and with the test process.
pub struct Postgres {
    server: Server,
    programs: PathBuf,
    port: u16,
    password: String,
    storage: Storage,
}

impl Postgres {
    /// Creates a cluster and starts it.
    pub async fn start() -> Result<Self> {
        Self::start_at(Storage::Fast).await
    }

    /// The same on a disk: every commit waits for it, as by default.
    pub async fn start_on_disk() -> Result<Self> {
        Self::start_at(Storage::Disk).await
    }

    async fn start_at(storage: Storage) -> Result<Self> {
        let mut postgres = Self::prepare(format!("{:016x}", RandomState::new().hash_one("password")), storage)?;
        postgres.init().await?;
        postgres.launch_anywhere().await?;
        Ok(postgres)
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it as an operator would: connections are closed, and everything is written.
    pub async fn stop(&mut self) -> Result<()> {
        self.server.end("INT").await
    }

    /// Starts it again on the same port with the same data. If it is running, it is stopped first.
    pub async fn start_again(&mut self) -> Result<()> {
        self.stop().await?;
        let start = Instant::now();
        while !self.launch().await? {
            if start.elapsed() > SERVER_TIMEOUT {
                bail!("another took the port {} of a PostgreSQL that was down{}", self.port, self.server.log());
            }
            sleep(CHECK_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills all its processes at once, as in a crash of the machine; they are dead when this returns.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Suspends all its processes: connections stay open, and nothing is answered.
    pub fn freeze(&self) {
        self.server.family("freeze");
    }

    /// Ends [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.server.family("thaw");
    }

    /// Creates an empty database, and returns its URL.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        let admin = self.connect().await?;
        let name_quoted = name.replace('"', "\"\"");
        let made = admin.batch_execute(&format!("CREATE DATABASE \"{name_quoted}\"")).await;
        made.with_context(|| format!("cannot create the database {name}"))?;
        Ok(self.url(name))
    }

    /// Starts a hot standby of this server: it answers queries that only read, and lags behind as little as possible.
    ///
    /// It may outlive its primary.
    pub async fn replica(&self) -> Result<Self> {
        let mut replica = Self::prepare(self.password.clone(), self.storage)?;
        let mut backup = replica.server.command(self.programs.join("pg_basebackup"));
        backup.args(["--host=127.0.0.1", "--username=postgres", "--write-recovery-conf", "--wal-method=stream"]);
        backup.args(["--checkpoint=fast", "--no-sync", "--no-password", &format!("--port={}", self.port), "--pgdata"]);
        backup.arg(replica.data()).env("PGPASSWORD", &self.password);
        output(backup).await.map_err(|why| anyhow!("cannot copy the primary: {why}"))?;
        replica.launch_anywhere().await?;
        Ok(replica)
    }

    fn prepare(password: String, storage: Storage) -> Result<Self> {
        let programs = programs().ok_or_else(|| anyhow!(INSTALL))?;
        Ok(Self { server: Server::prepare("postgres", "QUIT", true, storage)?, programs, port: 0, password, storage })
    }

    fn data(&self) -> PathBuf {
        self.server.folder().join("data")
    }

    async fn init(&self) -> Result<()> {
        let password = self.server.folder().join("password");
        fs::write(&password, &self.password)?;
        let init = |locale: &str| {
            let mut init = self.server.command(self.programs.join("initdb"));
            init.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]);
            init.arg(format!("--locale={locale}")).arg("--pwfile").arg(&password).arg("--pgdata").arg(self.data());
            init
        };
        // Unlike C it handles the case of all letters, but not every system has it.
        if output(init("C.UTF-8")).await.is_err() {
            output(init("C")).await.map_err(|why| anyhow!("cannot make a cluster: {why}"))?;
        }
        Ok(())
    }

    /// Starts it on a free port.
    async fn launch_anywhere(&mut self) -> Result<()> {
        for _ in 0..MAX_TRIES {
            self.port = free_port()?;
            if self.launch().await? {
                return Ok(());
            }
        }
        bail!("others took each of {MAX_TRIES} ports before PostgreSQL could{}", self.server.log())
    }

    /// Starts it on its port and waits until it is ready; returns false if the port is in use.
    async fn launch(&mut self) -> Result<bool> {
        let mut args = vec!["-D".to_owned(), self.data().display().to_string(), "-p".to_owned(), self.port.to_string()];
        let durable: &[&str] = if self.storage == Storage::Disk { &DISK_SETTINGS } else { &[] };
        // The last of several values counts.
        let settings = SETTINGS.iter().chain(durable);
        args.extend(settings.flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]));
        self.server.spawn(&self.programs.join("postgres"), args)?;
        let start = Instant::now();
        loop {
            if !self.server.is_running()? {
                if self.server.port_was_in_use() {
                    return Ok(false);
                }
                bail!("PostgreSQL ended at once{}", self.server.log());
            }
            // Only this cluster has the password, so the answer is its own.
            let connected = timeout(Duration::from_secs(1), self.connect()).await;
            let Err(why) = connected.map_err(anyhow::Error::from).flatten() else { return Ok(true) };
            if start.elapsed() > SERVER_TIMEOUT {
                bail!("PostgreSQL does not answer ({why:#}){}", self.server.log());
            }
            sleep(CHECK_INTERVAL).await;
        }
    }

    async fn connect(&self) -> Result<tokio_postgres::Client> {
        let (client, connection) = tokio_postgres::connect(&self.url("postgres"), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// The folder of the server's programs: the first in the path, else the highest version of Debian's.
fn programs() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = debian.filter_map(|entry| Some(entry.ok()?.path())).collect();
    versions.sort_by_key(|folder| Reverse(version(folder)));
    // A link in the path may be alone there; the others are beside the program itself.
    let linked =
        in_path("postgres").into_iter().filter_map(|link| Some(link.canonicalize().ok()?.parent()?.to_owned()));
    let mut folders = linked.chain(versions.into_iter().map(|folder| folder.join("bin")));
    folders.find(|folder| ["initdb", "pg_basebackup", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

/// Runs a program; the error is its output.
async fn output(command: Command) -> Result<(), String> {
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).output().await.map_err(|why| why.to_string())?;
    if output.status.success() { Ok(()) } else { Err(format!("{}{}", output.status, said(&output.stderr))) }
}
