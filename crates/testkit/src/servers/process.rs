//! The process and folder of a server, and the guardian that removes both with the test process.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

/// The functions of every shell script: see there.
const FAMILY_SCRIPT: &str = include_str!("family.sh");

/// Writes its process ID into the file `$1` and executes the server, so that the guardian knows every running server.
const EXEC_SCRIPT: &str = r#"echo $$ >"$1" && shift && exec "$@""#;

/// The interval between two checks whether a server has started or ended.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// The time-out of starting and stopping a server on a busy machine.
pub(super) const SERVER_TIMEOUT: Duration = Duration::from_mins(1);

/// The maximum number of ports that are tried.
pub(super) const MAX_TRIES: u32 = 10;

/// The folder of files in memory on Linux.
const MEMORY_FOLDER: &str = "/dev/shm";

/// The folder of files on a disk.
const DISK_FOLDER: &str = "/var/tmp";

/// Where a server keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// In `TMPDIR` if that is set, else in memory if enough is free, which makes a database several times as fast as a
    /// disk.
    Fast,
    /// On a disk.
    Disk,
}

/// The KiB that must be free in memory, and in total: several servers may be running.
const MIN_FREE_KIB: u64 = 4 << 20;

/// The message in a server's log if its port is in use.
const PORT_IN_USE: &str = "Address already in use";

/// A server, running or not. Its process and folder are removed when this is dropped, and also when the test process
/// dies for any reason.
pub(super) struct Server {
    folder: PathBuf,
    guardian: Child,
    child: Option<Child>,
    user_ids: Option<UserIds>,
}

/// The numeric IDs of a user.
#[derive(Clone, Copy)]
struct UserIds {
    user: u32,
    group: u32,
}

impl Server {
    /// Creates a folder and its guardian, which ends the server with this signal (without `SIG`).
    ///
    /// With `refuses_root` and as root, everything belongs to the user `postgres` or `nobody`.
    pub(super) fn prepare(name: &str, ends_by: &str, refuses_root: bool, storage: Storage) -> Result<Self> {
        let user_ids = if refuses_root && number(&["-u"])? == 0 { Some(UserIds::unprivileged()?) } else { None };
        let parent = if storage == Storage::Disk { PathBuf::from(DISK_FOLDER) } else { parent(user_ids.is_some()) };
        let folder = tempfile::Builder::new().prefix(&format!("entrepot-{name}-")).tempdir_in(&parent);
        let folder = folder.with_context(|| format!("cannot make a folder in {}", parent.display()))?;
        if let Some(UserIds { user, group }) = user_ids {
            chown(folder.path(), Some(user), Some(group)).context("cannot give the folder of the server away")?;
        }
        let mut shell = shell(FAMILY_SCRIPT);
        shell.arg("guard").arg(folder.path()).arg(ends_by);
        let guardian = shell.stdin(Stdio::piped()).spawn().context("cannot start the guardian of a server")?;
        // From here on the guardian removes it.
        Ok(Self { folder: folder.keep(), guardian, child: None, user_ids })
    }

    /// The folder of the server.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command that runs in the folder, as the server's user.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).stdin(Stdio::null()).env("LC_ALL", "C").process_group(0);
        for (name, _) in env::vars_os() {
            // Such as PGDATA or PGOPTIONS, which belong to another server.
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(UserIds { user, group }) = self.user_ids {
            command.uid(user).gid(group).env("HOME", &self.folder);
        }
        command
    }

    /// Starts the server; its output becomes its log.
    pub(super) fn spawn<A: AsRef<OsStr>>(&mut self, program: &Path, args: impl IntoIterator<Item = A>) -> Result<()> {
        let log = File::create(self.log_file()).context("cannot make the log of the server")?;
        let mut command = self.command("/bin/sh");
        command.args(["-c", EXEC_SCRIPT, "sh"]).arg(self.pid_file()).arg(program).args(args);
        command.stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", program.display()))?);
        Ok(())
    }

    /// The process ID while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns whether it runs. If not, it may be started again.
    pub(super) fn is_running(&mut self) -> Result<bool> {
        let Some(child) = &mut self.child else { return Ok(false) };
        if child.try_wait().context("cannot ask for the server's end")?.is_none() {
            return Ok(true);
        }
        self.child = None;
        // The process ID may be reused soon.
        fs::remove_file(self.pid_file()).ok();
        Ok(false)
    }

    /// Sends it a signal (without `SIG`), and waits until it has ended.
    pub(super) async fn end(&mut self, signal: &str) -> Result<()> {
        if let Some(pid) = self.pid() {
            let mut kill = shell(r#"kill "-$1" "$2""#);
            kill.arg(signal).arg(pid.to_string()).status().context("cannot run a shell")?;
        }
        let start = Instant::now();
        while self.is_running()? {
            if start.elapsed() > SERVER_TIMEOUT {
                bail!("the server does not end{}", self.log());
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills all its processes; they are dead when this returns.
    pub(super) fn kill(&mut self) {
        self.family("kill");
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        fs::remove_file(self.pid_file()).ok();
    }

    /// Runs a function of `family.sh` for all its processes.
    pub(super) fn family(&self, what: &str) {
        if self.child.is_some() {
            let done = shell(FAMILY_SCRIPT).arg(what).arg(&self.folder).status();
            assert!(done.is_ok_and(|status| status.success()), "cannot {what} the server");
        }
    }

    /// Returns whether its log says that its port is in use.
    pub(super) fn port_was_in_use(&self) -> bool {
        fs::read(self.log_file()).is_ok_and(|log| String::from_utf8_lossy(&log).contains(PORT_IN_USE))
    }

    /// The last lines of its log, as the end of a message.
    pub(super) fn log(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        said(&log)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        self.guardian.wait().ok();
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl UserIds {
    fn unprivileged() -> Result<Self> {
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Some(Self { user: number(&["-u", name]).ok()?, group: number(&["-g", name]).ok()? }))
            .ok_or_else(|| anyhow!("PostgreSQL refuses to run as root, and there is no user postgres or nobody"))
    }
}

/// The parent of the folders of [`Storage::Fast`].
fn parent(for_another_user: bool) -> PathBuf {
    // Root's folder may be inaccessible to others.
    match env::var_os("TMPDIR") {
        Some(set) if !set.is_empty() && !for_another_user => PathBuf::from(set),
        _ if has_free_memory() => PathBuf::from(MEMORY_FOLDER),
        _ => PathBuf::from("/tmp"),
    }
}

fn has_free_memory() -> bool {
    let room = || {
        let output = Command::new("df").args(["-Pk", MEMORY_FOLDER]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()
    };
    let memory = || {
        let info = fs::read_to_string("/proc/meminfo").ok()?;
        let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    room().zip(memory()).is_some_and(|(room, memory)| room.min(memory) >= MIN_FREE_KIB)
}

/// The output of `id`.
fn number(args: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(args).output().context("cannot run id")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().with_context(|| format!("id {} fails", args.join(" ")))
}

/// A shell that runs a script silently, detached from the terminal's signals and from folders that may be removed.
fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh"]).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The last lines of an output, as the end of a message.
pub(super) fn said(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "; it said nothing".to_owned();
    }
    format!("; it said:\n{}", lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n"))
}

/// The programs of this name in the path.
pub(super) fn in_path(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).filter(|file| file.is_file()).collect()
}

/// A port of the loopback interface that is free at present.
///
/// It is none of the ports of outgoing connections (from 32768 on, on Linux): a client that keeps trying the port of a
/// dead server could get it as its own and connect to itself.
pub(super) fn free_port() -> Result<u16> {
    free_port_below(32_768, 0)
}

/// Such a port below `end`, for which the port that is `second` above is free as well.
pub(super) fn free_port_below(end: u16, second: u16) -> Result<u16> {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (0..1_000)
        .filter_map(|n: u32| u16::try_from(16_384 + RandomState::new().hash_one(n) % u64::from(end - 16_384)).ok())
        .find(|port| is_free(*port) && is_free(port + second))
        .ok_or_else(|| anyhow!("no port of the loopback is free"))
}
