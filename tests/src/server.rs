//! A running program, with a store of its own.

use std::{
    any::Any,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Output},
    sync::{Arc, atomic::AtomicUsize},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    Client, PASSWORD,
    process::{Beside, Running, beside, run, spawn},
    secrets::Secrets,
};

/// How long a line may take to be printed; far more than it needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that is running, on a port and a store of its own: one process, or several instances that share the store.
/// Killed when dropped.
pub struct Server {
    running: Vec<Running>,
    /// The instance that gets the next request. One counter for all clients, so that consecutive requests go to different
    /// instances whichever client sends them.
    turn: Arc<AtomicUsize>,
    folder: TempDir,
    settings: Settings,
    /// The secrets in requests and responses, which no log may have.
    secrets: Secrets,
    /// What must outlive the processes, such as the database. Dropped last.
    _kept: Box<dyn Any + Send + Sync>,
}

impl Drop for Server {
    /// Prints the warnings and errors of the instances if the test fails. If it passes, fails it if a log has a secret.
    fn drop(&mut self) {
        if !thread::panicking() {
            self.kill().ok();
            let told = self.told_secrets();
            assert!(told.is_empty(), "the log of the server tells what is secret: {told:#?}");
            return;
        }
        for running in &self.running {
            eprintln!("{} complained of:", running.url());
            let log = running.log.text();
            for line in log.lines().filter(|line| !["INFO", "DEBUG", "TRACE"].iter().any(|level| line.contains(level)))
            {
                eprintln!("  {line}");
            }
        }
    }
}

/// Names and values of the environment.
type Settings = Vec<(OsString, OsString)>;

fn owned(settings: &[(&str, &str)]) -> Settings {
    settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

impl Server {
    /// Starts a server. Limits are off and passwords are cheap, unless `settings` say otherwise.
    pub async fn start(settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_many(1, settings, Box::new(())).await
    }

    /// Starts as many instances, one after the other, with the same settings. `kept` is dropped after they have ended.
    pub(crate) async fn start_many(
        instances: usize,
        settings: &[(&str, &str)],
        kept: Box<dyn Any + Send + Sync>,
    ) -> Result<Self> {
        let settings = owned(settings);
        tokio::task::spawn_blocking(move || {
            let folder = TempDir::new()?;
            let running = (0..instances).map(|_| spawn(folder.path(), &settings)).collect::<Result<_>>()?;
            let secrets = Secrets::default();
            let texts = settings.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
            texts.for_each(|(name, value)| secrets.note_setting(name, value));
            secrets.note_folder(folder.path());
            Ok(Self { running, turn: Arc::default(), folder, settings, secrets, _kept: kept })
        })
        .await?
    }

    /// The addresses of all instances, without a slash at their ends.
    pub fn urls(&self) -> Vec<String> {
        self.running.iter().map(Running::url).collect()
    }

    /// The address of the server, or of its first instance, without a slash at its end.
    pub fn url(&self) -> String {
        self.first().url()
    }

    /// Where the server, or its first instance, listens.
    pub fn address(&self) -> SocketAddr {
        self.first().address
    }

    /// The id of the process of the server, or of its first instance.
    pub fn pid(&self) -> u32 {
        self.first().pid()
    }

    /// The most bytes that the server, or its first instance, has had in memory.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? << 10)
    }

    /// The folder in which the server keeps what it stores, and in which it runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that the server has printed since it was started; what one instance printed is in one piece.
    pub fn log(&self) -> String {
        self.running.iter().map(|running| running.log.text().clone()).collect()
    }

    /// The secrets that are in the log: passwords, tokens and keys that clients sent or received, or that the server was
    /// started with, and email addresses of queries. A server that is dropped checks that there are none.
    pub fn told_secrets(&self) -> Vec<String> {
        self.secrets.told_in(&self.log())
    }

    /// Waits until the server has printed this, which it does behind its answers; fails if it never does.
    pub async fn printed(&self, text: &str) -> Result<()> {
        let begun = Instant::now();
        while !self.log().contains(text) {
            ensure!(begun.elapsed() < PATIENCE, "{text} is not in the log: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Ends the server as a crash does.
    pub fn kill(&mut self) -> Result<()> {
        self.running.iter_mut().try_for_each(Running::kill)
    }

    /// Ends one of several instances as a crash does.
    pub fn kill_one(&mut self, instance: usize) -> Result<()> {
        self.running[instance].kill()
    }

    /// Asks the server to end, without waiting.
    pub fn terminate(&self) -> Result<()> {
        self.running.iter().try_for_each(Running::terminate)
    }

    /// Asks one of several instances to end, without waiting.
    pub fn terminate_one(&self, instance: usize) -> Result<()> {
        self.running[instance].terminate()
    }

    /// Waits until one of several instances has ended by itself; returns how.
    pub fn wait_for_one(&mut self, instance: usize) -> Result<ExitStatus> {
        self.running[instance].wait()
    }

    /// Sends a signal to each instance, such as `INT`.
    pub fn signal(&self, name: &str) -> Result<()> {
        self.running.iter().try_for_each(|running| running.signal(name))
    }

    /// Waits until the server has ended by itself, and all that it printed is in the log; of several instances, how the first ended that did not end well.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let ended = self.running.iter_mut().map(Running::wait).collect::<Result<Vec<_>>>()?;
        let bad = ended.iter().find(|status| !status.success());
        bad.or(ended.first()).copied().context("there is no instance")
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.terminate()?;
        self.wait()
    }

    /// Starts the server again, on the same store and another port.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        for running in &mut self.running {
            *running = spawn(self.folder.path(), &self.settings)?;
        }
        Ok(())
    }

    /// Asks the server to end, and starts it again with some settings changed: those that come last count.
    pub fn restart_with(&mut self, settings: &[(&str, &str)]) -> Result<()> {
        self.stop()?;
        self.settings.extend(owned(settings));
        self.restart()
    }

    /// Asks one of several instances to end, waits until it has, and starts it again where it was; returns how it ended.
    pub fn roll(&mut self, instance: usize) -> Result<ExitStatus> {
        let address = self.running[instance].address;
        self.running[instance].terminate()?;
        let ended = self.running[instance].wait()?;
        let port = ("PORT".into(), address.port().to_string().into());
        let settings = [self.settings.as_slice(), &[port]].concat();
        // Some other connection of this machine may have taken the port for a moment.
        let mut tries = (0..5).map(|_| spawn(self.folder.path(), &settings));
        let started = tries.find(Result::is_ok).context("its port was taken")?;
        self.running[instance] = started?;
        Ok(ended)
    }

    /// Runs a command on the same store, with nothing on its input.
    pub fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Output> {
        self.command_with(arguments, settings, "")
    }

    /// Runs a command on the same store, with `input` on its standard input.
    pub fn command_with(&self, arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Result<Output> {
        let settings = [self.settings.as_slice(), &owned(settings)].concat();
        run(self.folder.path(), arguments, &settings, input)
    }

    /// Starts a command on the same store that runs until it is stopped.
    pub fn beside(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Beside> {
        let settings = [self.settings.as_slice(), &owned(settings)].concat();
        beside(self.folder.path(), arguments, &settings)
    }

    /// Writes a file where the commands find it by its name.
    pub fn file(&self, name: &str, content: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join(name), content)?)
    }

    /// What a setting of the server was given as.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(known, _)| known == name)?.1.to_str()
    }

    /// An anonymous client. Its requests go to the instances in turn.
    pub fn anonymous(&self) -> Client {
        Client::of_many(self.urls(), Arc::clone(&self.turn), self.secrets.clone())
    }

    /// The same user at this server, which may have been restarted on other ports.
    #[must_use]
    pub fn again(&self, user: &Client) -> Client {
        user.by(&self.anonymous())
    }

    /// A new administrator, made on the command line and logged in.
    pub async fn admin(&self) -> Result<Client> {
        let email = format!("admin-{}@example.com", crate::client::unique());
        let made = self
            .command(&["admin", "create", "--email", &email, "--name", "Grace"], &[("ADMIN_PASSWORD", PASSWORD)])
            .context("admin create")?;
        ensure!(made.status.success(), "admin create: {}", String::from_utf8_lossy(&made.stderr));
        self.anonymous().login(&email, PASSWORD).await
    }

    /// A new member of the staff, logged in.
    pub async fn staff(&self) -> Result<Client> {
        let staff = self.customer(&format!("staff-{}@example.com", crate::client::unique())).await?;
        let roles = json!({"roles": ["staff"]});
        self.admin().await?.put(&format!("/users/{}/roles", staff.id()), roles).await?.expect(200);
        Ok(staff)
    }

    /// A new customer, registered and logged in.
    pub async fn customer(&self, email: &str) -> Result<Client> {
        let nobody = self.anonymous();
        let registered = nobody.post("/users", json!({"name": "Ada", "email": email, "password": PASSWORD})).await?;
        registered.expect(201);
        nobody.login(email, PASSWORD).await
    }

    /// There is one, or it would not have started.
    fn first(&self) -> &Running {
        &self.running[0]
    }
}
