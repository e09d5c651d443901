//! What the process uses of the machine, as Linux tells it. Elsewhere nothing is told.

use std::{fs, time::Duration};

use entrepot_domain::{MetricSource, Sample};

/// Of a second, in which Linux counts time for programs, whatever it uses inside (`man 5 proc`, `USER_HZ`).
const TICKS: u32 = 100;

/// The process itself. The names are those that clients of Prometheus use in every language.
pub(crate) struct Process;

impl MetricSource for Process {
    fn samples(&self) -> Vec<Sample> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let status = Status(read("/proc/self/status"));
        let stat = Stat(read("/proc/self/stat"));
        let boot = boot_time(&read("/proc/stat"));
        let started = stat.started().and_then(|after_boot| boot?.checked_add(after_boot));
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
        let most = open_files_limit(&read("/proc/self/limits"));
        [
            status
                .kilobytes("VmRSS:")
                .map(|kb| gauge("process_resident_memory_bytes", "Memory that is in use.", kb * 1_024)),
            status
                .kilobytes("VmSize:")
                .map(|kb| gauge("process_virtual_memory_bytes", "Memory that is addressed.", kb * 1_024)),
            stat.cpu().map(|time| Sample::seconds("process_cpu_seconds_total", "Time on all processors.", time)),
            stat.threads().map(|count| gauge("process_threads", "Threads that are running.", count)),
            // The one that lists them is open itself.
            open.map(|count| gauge("process_open_fds", "Files and sockets that are open.", count.saturating_sub(1))),
            most.map(|count| gauge("process_max_fds", "How many of them may be.", count)),
            started.map(|at| {
                let name = "process_start_time_seconds";
                Sample { value: at.as_secs_f64(), ..Sample::gauge(name, "When it was started, since 1970.", 0_u8) }
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
    /// The field of that number in `man 5 proc`. The second one is a name between parentheses, which may have anything
    /// inside.
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
    Duration::from_millis(count.saturating_mul(u64::from(1_000 / TICKS)))
}

/// When the machine was started, since 1970.
fn boot_time(stat: &str) -> Option<Duration> {
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// None also if it is unlimited.
fn open_files_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_process_is_told_of() {
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
    fn a_name_may_have_anything_inside() {
        let stat = Stat("7 (a) R 1) S 4 5 6 7 8 9 10 11 12 13 250 50 16 17 18 19 20 21 4200 23".to_owned());
        assert_eq!(stat.cpu(), Some(Duration::from_secs(3)));
        assert_eq!((stat.threads(), stat.started()), (Some(20), Some(Duration::from_secs(42))));
    }

    #[test]
    fn what_cannot_be_read_is_not_told() {
        assert_eq!((Stat(String::new()).cpu(), Status(String::new()).kilobytes("VmRSS:")), (None, None));
        assert_eq!((boot_time(""), open_files_limit("Max open files            unlimited")), (None, None));
    }
}
