//! The metrics of the process: memory, CPU time, threads and open files. They are read from `/proc`, so there are none
//! but on Linux.

use std::{fs, time::Duration};

use entrepot_domain::{MetricSource, Sample};

/// The ticks of a second in `/proc` (`man 5 proc`, `USER_HZ`).
const TICKS_PER_SECOND: u32 = 100;

/// The metrics of the process. Their names are those of Prometheus' client libraries.
pub(crate) struct Process;

impl MetricSource for Process {
    fn samples(&self) -> Vec<Sample> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let status = Status(read("/proc/self/status"));
        let stat = Stat(read("/proc/self/stat"));
        let boot = boot_time(&read("/proc/stat"));
        let started = stat.started().and_then(|after_boot| boot?.checked_add(after_boot));
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
        let limit = open_files_limit(&read("/proc/self/limits"));
        [
            status.kilobytes("VmRSS:").map(|kb| gauge("process_resident_memory_bytes", "Resident memory.", kb * 1_024)),
            status.kilobytes("VmSize:").map(|kb| gauge("process_virtual_memory_bytes", "Virtual memory.", kb * 1_024)),
            stat.cpu().map(|time| Sample::seconds("process_cpu_seconds_total", "CPU time, user and system.", time)),
            stat.threads().map(|count| gauge("process_threads", "Threads.", count)),
            // The folder that lists them is open too.
            open.map(|count| gauge("process_open_fds", "Open files and sockets.", count.saturating_sub(1))),
            limit.map(|count| gauge("process_max_fds", "The limit of open files and sockets.", count)),
            started.map(|at| {
                let name = "process_start_time_seconds";
                Sample { value: at.as_secs_f64(), ..Sample::gauge(name, "Start time, in seconds since 1970.", 0_u8) }
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn gauge(name: &'static str, help: &'static str, count: impl TryInto<u64>) -> Sample {
    Sample::gauge(name, help, count)
}

/// `/proc/self/status`
struct Status(String);

impl Status {
    fn kilobytes(&self, name: &str) -> Option<u64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }
}

/// `/proc/self/stat`
struct Stat(String);

impl Stat {
    /// The field with this number in `man 5 proc`. The second field is a name between parentheses, which may contain spaces
    /// and parentheses.
    fn field(&self, number: usize) -> Option<u64> {
        let (_, rest) = self.0.rsplit_once(')')?;
        rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
    }

    fn cpu(&self) -> Option<Duration> {
        Some(ticks(self.field(14)? + self.field(15)?))
    }

    fn threads(&self) -> Option<u64> {
        self.field(20)
    }

    fn started(&self) -> Option<Duration> {
        Some(ticks(self.field(22)?))
    }
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count.saturating_mul(u64::from(1_000 / TICKS_PER_SECOND)))
}

/// When the machine was started: the time since 1970.
fn boot_time(stat: &str) -> Option<Duration> {
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// `None` also if there is no limit.
fn open_files_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_is_measured() {
        let samples = Process.samples();
        let value = |name: &str| samples.iter().find(|sample| sample.name == name).unwrap().value;
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
        assert!(value("process_threads") >= 1.0 && value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        // Between the years 2020 and 2100.
        assert!((1_577_836_800.0..4_102_444_800.0).contains(&value("process_start_time_seconds")));
    }

    #[test]
    fn name_may_contain_parentheses() {
        let stat = Stat("7 (a) R 1) S 4 5 6 7 8 9 10 11 12 13 250 50 16 17 18 19 20 21 4200 23".to_owned());
        assert_eq!(stat.cpu(), Some(Duration::from_secs(3)));
        assert_eq!((stat.threads(), stat.started()), (Some(20), Some(Duration::from_secs(42))));
    }

    #[test]
    fn missing_values_are_skipped() {
        assert_eq!((Stat(String::new()).cpu(), Status(String::new()).kilobytes("VmRSS:")), (None, None));
        assert_eq!((boot_time(""), open_files_limit("Max open files            unlimited")), (None, None));
    }
}
