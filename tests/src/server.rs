//! A running program, with a store of its own.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::{Client, PASSWORD, binary::entrepot};

/// How long a start may take before it counts as failed; far more than it needs.
const START: Duration = Duration::from_secs(20);

/// What the program prints before its address.
const LISTENING: &str = "listening on http://";

/// A server that is running, on a port and a store of its own; killed when dropped.
pub struct Server {
    folder: TempDir,
    settings: Vec<(OsString, OsString)>,
    running: Running,
}

struct Running {
    child: Child,
    log: Log,
    address: SocketAddr,
}

impl Server {
    /// Starts a server. Limits are off and passwords are cheap, unless `settings` say otherwise.
    pub async fn start(settings: &[(&str, &str)]) -> Result<Self> {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        tokio::task::spawn_blocking(move || {
            let folder = TempDir::new()?;
            let running = spawn(folder.path(), &settings)?;
            Ok(Self { folder, settings, running })
        })
        .await?
    }

    /// The address of the server, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// The id of the server's process.
    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// The folder in which the server keeps what it stores, and in which it runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that the server has printed since it was started.
    pub fn log(&self) -> String {
        self.running.log.text().clone()
    }

    /// Ends the server as a crash does.
    pub fn kill(&mut self) -> Result<()> {
        self.running.child.kill()?;
        self.running.child.wait()?;
        Ok(())
    }

    /// Asks the server to end, without waiting.
    pub fn terminate(&self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        ensure!(asked.success(), "the server could not be asked to end");
        Ok(())
    }

    /// Waits until the server has ended by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.running.child.wait()?;
        ensure!(status.signal().is_none(), "ended by {status}");
        Ok(status)
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.terminate()?;
        self.wait()
    }

    /// Starts the server again, on the same store and another port.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.running = spawn(self.folder.path(), &self.settings)?;
        Ok(())
    }

    /// Runs a command on the same store, with nothing on its input.
    pub fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Output> {
        self.command_with(arguments, settings, "")
    }

    /// Runs a command on the same store, with `input` on its standard input.
    pub fn command_with(&self, arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Result<Output> {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let settings = [self.settings.as_slice(), &settings].concat();
        run(self.folder.path(), arguments, &settings, input)
    }

    /// Writes a file where the commands find it by its name.
    pub fn file(&self, name: &str, content: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join(name), content)?)
    }

    /// A client that is nobody.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url())
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
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs the program to its end, in a folder, with these settings and no others of this machine.
pub(crate) fn run(folder: &Path, arguments: &[&str], settings: &[(OsString, OsString)], input: &str) -> Result<Output> {
    let mut command = prepared(folder, settings)?;
    let mut child = command.args(arguments).stdin(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let input = input.to_owned();
    // A command that has no use for its input hangs up on us, which is no failure.
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let out = child.wait_with_output()?;
    writer.join().ok();
    Ok(out)
}

fn prepared(folder: &Path, settings: &[(OsString, OsString)]) -> Result<Command> {
    let mut command = Command::new(entrepot()?);
    command.env_clear().current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["PATH", "HOME"] {
        command.envs(env::var_os(name).map(|value| (name, value)));
    }
    command.env("DATA_DIR", folder).envs([("PORT", "0"), ("RATE_LIMIT", "off"), ("BCRYPT_COST", "4")]);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

fn spawn(folder: &Path, settings: &[(OsString, OsString)]) -> Result<Running> {
    let mut child = prepared(folder, settings)?.stdin(Stdio::null()).spawn()?;
    let log = Log::default();
    log.follow(child.stdout.take().context("no stdout")?);
    log.follow(child.stderr.take().context("no stderr")?);
    match log.wait_for_address() {
        Ok(address) => Ok(Running { child, log, address }),
        Err(error) => {
            child.kill().ok();
            child.wait().ok();
            Err(error)
        }
    }
}

/// What a process has printed, on both of its outputs.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<String>, Condvar)>);

/// Tells in the log that one of the two outputs is at its end.
const ENDED: &str = "(end of output)\n";

impl Log {
    fn text(&self) -> MutexGuard<'_, String> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, text: &str) {
        self.text().push_str(text);
        self.0.1.notify_all();
    }

    fn follow(&self, output: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                log.add(&String::from_utf8_lossy(&line));
                line.clear();
            }
            log.add(ENDED);
        });
    }

    fn wait_for_address(&self) -> Result<SocketAddr> {
        let begun = Instant::now();
        let mut text = self.text();
        loop {
            if let Some((_, rest)) = text.split_once(LISTENING)
                && let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
            {
                return Ok(rest.get(..end).context("no address")?.parse()?);
            }
            let Some(left) = START.checked_sub(begun.elapsed()) else { bail!("the server does not listen: {text}") };
            if text.contains(ENDED) {
                bail!("the server ended: {text}");
            }
            text = self.0.1.wait_timeout(text, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
