//! The processes of the program that was built.

use std::{
    env,
    ffi::OsString,
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

use crate::binary::entrepot;

/// How long a start may take before it counts as failed; far more than it needs.
const START: Duration = Duration::from_secs(20);

/// What the program prints before its address.
const LISTENING: &str = "listening on http";

/// A process that serves; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// What it has printed.
    pub(crate) log: Log,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    scheme: &'static str,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its address, without a slash at its end.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.log.wait_for_the_end();
        Ok(())
    }

    /// Asks it to end, without waiting.
    pub(crate) fn terminate(&self) -> Result<()> {
        self.signal("TERM")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let asked = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status()?;
        ensure!(asked.success(), "the server could not be asked to end");
        Ok(())
    }

    /// Waits until it has ended by itself, and all that it printed is in the log.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait()?;
        ensure!(status.signal().is_none(), "ended by {status}");
        self.log.wait_for_the_end();
        Ok(status)
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
    command.env("DATA_DIR", folder).envs([
        ("PORT", "0"),
        ("RATE_LIMIT", "off"),
        ("BCRYPT_COST", "4"),
        ("SHUTDOWN_GRACE", "0"),
    ]);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// The setting that holds the arguments of a server, with spaces between; the program itself has no such setting.
const ARGUMENTS: &str = "TEST_ARGUMENTS";

/// A process that does not serve; killed when dropped.
pub struct Beside(Child);

impl Beside {
    /// Ends it as a crash does.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        ensure!(asked.success(), "the process could not be asked to end");
        Ok(self.0.wait()?)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts a command that runs until it is stopped.
pub(crate) fn beside(folder: &Path, arguments: &[&str], settings: &[(OsString, OsString)]) -> Result<Beside> {
    let mut command = prepared(folder, settings)?;
    let command = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    Ok(Beside(command.spawn()?))
}

/// Starts a server, and waits until it listens.
pub(crate) fn spawn(folder: &Path, settings: &[(OsString, OsString)]) -> Result<Running> {
    let mut command = prepared(folder, settings)?;
    if let Some((_, arguments)) = settings.iter().rev().find(|(name, _)| name == ARGUMENTS) {
        command.args(arguments.to_string_lossy().split_whitespace());
    }
    let mut child = command.stdin(Stdio::null()).spawn()?;
    let log = Log::default();
    log.follow(child.stdout.take().context("no stdout")?);
    log.follow(child.stderr.take().context("no stderr")?);
    match log.wait_for_address() {
        Ok((scheme, address)) => Ok(Running { child, log, address, scheme }),
        Err(error) => {
            child.kill().ok();
            child.wait().ok();
            Err(error)
        }
    }
}

/// What a process has printed, on both of its outputs.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<String>, Condvar)>);

/// Tells in the log that one of the two outputs is at its end.
const ENDED: &str = "(end of output)\n";

impl Log {
    /// All of it.
    pub(crate) fn text(&self) -> MutexGuard<'_, String> {
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

    /// Waits for the end of both outputs.
    fn wait_for_the_end(&self) {
        let not_yet = |text: &mut String| text.matches(ENDED).count() < 2;
        drop(self.0.1.wait_timeout_while(self.text(), START, not_yet));
    }

    fn wait_for_address(&self) -> Result<(&'static str, SocketAddr)> {
        let begun = Instant::now();
        let mut text = self.text();
        loop {
            if let Some((_, rest)) = text.split_once(LISTENING)
                && let Some((tls, rest)) = rest.split_once("://")
                && let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
            {
                let scheme = if tls == "s" { "https" } else { "http" };
                return Ok((scheme, rest.get(..end).context("no address")?.parse()?));
            }
            let Some(left) = START.checked_sub(begun.elapsed()) else { bail!("the server does not listen: {text}") };
            if text.contains(ENDED) {
                bail!("the server ended: {text}");
            }
            text = self.0.1.wait_timeout(text, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
