//! The metrics of each kind.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entrepot_domain::{Sample, job::Outcome};

/// The metrics of a kind in this process. Those of waiting jobs are the same in all processes.
#[derive(Default)]
pub(crate) struct KindMetrics {
    finished: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
    /// In microseconds.
    duration: AtomicU64,
    ready: AtomicU64,
    /// In milliseconds.
    oldest: AtomicU64,
}

impl KindMetrics {
    /// Counts an attempt that ended; `None` if its lease was lost.
    pub(crate) fn ended(&self, outcome: Option<&Outcome>, took: Duration) {
        let count = match outcome {
            Some(Outcome::Succeeded | Outcome::Nothing) => &self.finished,
            Some(Outcome::Retry { .. } | Outcome::Dead { .. }) => &self.failed,
            Some(Outcome::Released) => return,
            None => &self.lost,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.duration.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn set_waiting(&self, ready: u64, oldest: Duration) {
        self.ready.store(ready, Ordering::Relaxed);
        self.oldest.store(u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the samples of the kind with this name and number of running jobs.
    pub(crate) fn samples(&self, kind: &'static str, running: u32) -> Vec<Sample> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let oldest = Sample::seconds("", "", Duration::from_millis(read(&self.oldest))).value;
        let duration = Duration::from_micros(read(&self.duration));
        let samples = vec![
            Sample::gauge("jobs_waiting", "Jobs that are due and wait for a worker.", read(&self.ready)),
            Sample::gauge("jobs_running", "Jobs that this process runs.", running),
            Sample {
                value: oldest,
                ..Sample::gauge("jobs_oldest_waiting_seconds", "How long the oldest job that is due waits.", 0_u8)
            },
            Sample::counter("jobs_finished_total", "Attempts that did their job.", read(&self.finished)),
            Sample::counter("jobs_failures_total", "Attempts that failed.", read(&self.failed)),
            Sample::counter("jobs_lost_total", "Attempts that lost their lease.", read(&self.lost)),
            Sample::seconds("jobs_duration_seconds_total", "Time that attempts took.", duration),
        ];
        samples.into_iter().map(|sample| sample.with("kind", kind)).collect()
    }
}
