//! What a process costs, as Linux counts it.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result};

/// The CPU time that a process has used so far, in user and in kernel mode.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let (_, [own, _]) = Stat::of(pid)?.times()?;
    ticks(own)
}

/// The CPU time of a process and of all that it has started so far.
pub(crate) fn cpu_of_family(pid: u32) -> Result<Duration> {
    let (_, [mut sum, ended]) = Stat::of(pid)?.times()?;
    sum += ended;
    let mut parents = vec![pid];
    let all: Vec<u32> =
        fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    while let Some(parent) = parents.pop() {
        for pid in &all {
            // A process may end while we look.
            if let Ok((its_parent, [own, _])) = Stat::of(*pid).and_then(|stat| stat.times())
                && its_parent == parent
            {
                sum += own;
                parents.push(*pid);
            }
        }
    }
    ticks(sum)
}

/// The process that started this one.
pub(crate) fn parent(pid: u32) -> Result<u32> {
    Ok(Stat::of(pid)?.times()?.0)
}

/// The memory that a process has in use, in megabytes.
pub(crate) fn resident_mb(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1_024.0)
}

/// What `/proc/PID/stat` has.
struct Stat(String);

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        Ok(Self(fs::read_to_string(format!("/proc/{pid}/stat"))?))
    }

    /// The parent, and the ticks of the process itself and of its children that have ended.
    fn times(&self) -> Result<(u32, [u64; 2])> {
        // The name, in parentheses, may have spaces; what follows has not.
        let (_, fields) = self.0.rsplit_once(") ").context("no stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let field = |place: usize| -> Result<u64> { Ok(fields.get(place).context("no such field")?.parse()?) };
        Ok((u32::try_from(field(1)?)?, [field(11)? + field(12)?, field(13)? + field(14)?]))
    }
}

fn ticks(ticks: u64) -> Result<Duration> {
    Ok(Duration::from_millis(ticks * 1_000 / ticks_per_second()?))
}

fn ticks_per_second() -> Result<u64> {
    let out = Command::new("getconf").arg("CLK_TCK").output()?;
    Ok(String::from_utf8(out.stdout)?.trim().parse()?)
}
