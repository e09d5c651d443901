//! A server's process, its folder, and the guardian that ends both with the test process.

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

/// What every shell is given: see there.
const FAMILY_SCRIPT: &str = include_str!("family.sh");

/// Writes its process id into the file `$1` and becomes the server, so that there is no moment at which a server runs
/// that the guardian does not know.
const EXEC_SCRIPT: &str = r#"echo $$ >"$1" && shift && exec "$@""#;

/// The interval between two checks whether a server has started or ended.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// How long a server may take to start or to end on a busy machine.
pub(super) const SERVER_TIMEOUT: Duration = Duration::from_mins(1);

/// How many ports are tried.
pub(super) const MAX_TRIES: u32 = 10;

/// Where Linux keeps files in memory.
const MEMORY_FOLDER: &str = "/dev/shm";

/// How many KiB must be free there, and altogether: several servers may be at work at once.
const MIN_FREE_KIB: u64 = 4 << 20;

/// The message in a server's log if its port is in use.
const PORT_IN_USE: &str = "Address already in use";

/// A server, running or not. Its process and its folder go when this is dropped, and also when the test process dies,
/// however it dies.
pub(super) struct Server {
    folder: PathBuf,
    guardian: Child,
    child: Option<Child>,
    user_ids: Option<UserIds>,
}

/// A user, by number.
#[derive(Clone, Copy)]
struct UserIds {
    user: u32,
    group: u32,
}

impl Server {
    /// A folder and its guardian, who ends a server with the signal of that name (without `SIG`).
    ///
    /// With `refuses_root` and as root, everything here belongs to the user `postgres`, or `nobody`.
    pub(super) fn prepare(name: &str, ends_by: &str, refuses_root: bool) -> Result<Self> {
        let user_ids = if refuses_root && number(&["-u"])? == 0 { Some(UserIds::unprivileged()?) } else { None };
        let parent = parent(user_ids.is_some());
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
            // Such as PGDATA or PGOPTIONS, which speak of another server.
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(UserIds { user, group }) = self.user_ids {
            command.uid(user).gid(group).env("HOME", &self.folder);
        }
        command
    }

    /// Starts the server; what it prints is its log from now on.
    pub(super) fn spawn<A: AsRef<OsStr>>(&mut self, program: &Path, args: impl IntoIterator<Item = A>) -> Result<()> {
        let log = File::create(self.log_file()).context("cannot make the log of the server")?;
        let mut command = self.command("/bin/sh");
        command.args(["-c", EXEC_SCRIPT, "sh"]).arg(self.pid_file()).arg(program).args(args);
        command.stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", program.display()))?);
        Ok(())
    }

    /// The process id while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it runs. If not, it may be started again.
    pub(super) fn is_running(&mut self) -> Result<bool> {
        let Some(child) = &mut self.child else { return Ok(false) };
        if child.try_wait().context("cannot ask for the server's end")?.is_none() {
            return Ok(true);
        }
        self.child = None;
        // The number may soon be another's.
        fs::remove_file(self.pid_file()).ok();
        Ok(false)
    }

    /// Asks it to end, by the signal of that name (without `SIG`), and waits for that.
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

    /// Kills it and all its processes; they are dead when this returns.
    pub(super) fn kill(&mut self) {
        self.family("kill");
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        fs::remove_file(self.pid_file()).ok();
    }

    /// Does to all its processes what `family.sh` calls so.
    pub(super) fn family(&self, what: &str) {
        if self.child.is_some() {
            let done = shell(FAMILY_SCRIPT).arg(what).arg(&self.folder).status();
            assert!(done.is_ok_and(|status| status.success()), "cannot {what} the server");
        }
    }

    /// Whether it said that its port is another's.
    pub(super) fn port_was_in_use(&self) -> bool {
        fs::read(self.log_file()).is_ok_and(|log| String::from_utf8_lossy(&log).contains(PORT_IN_USE))
    }

    /// The end of what it said, as the end of a message.
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

/// Where the folders of servers are made: in `TMPDIR` if that is set, else in memory if there is plenty, which makes a
/// database several times as fast as on a disk.
fn parent(for_another_user: bool) -> PathBuf {
    // The one of root may be closed to others.
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

/// What `id` answers.
fn number(args: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(args).output().context("cannot run id")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().with_context(|| format!("id {} fails", args.join(" ")))
}

/// A shell that runs a script quietly, away from the terminal's signals and from folders that may go.
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

/// The programs of that name in the path.
pub(super) fn in_path(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).filter(|file| file.is_file()).collect()
}

/// A port of the loopback that nobody holds just now.
///
/// It is none of those that systems give to outgoing connections (from 32768 on, on Linux): a client that keeps trying
/// the port of a dead server would get it for its own end one day, and talk to itself.
pub(super) fn free_port() -> Result<u16> {
    free_port_below(32_768, 0)
}

/// A port like that, below another, and so that the one that is so far above it is free as well.
pub(super) fn free_port_below(end: u16, second: u16) -> Result<u16> {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (0..1_000)
        .filter_map(|n: u32| u16::try_from(16_384 + RandomState::new().hash_one(n) % u64::from(end - 16_384)).ok())
        .find(|port| is_free(*port) && is_free(port + second))
        .ok_or_else(|| anyhow!("no port of the loopback is free"))
}
