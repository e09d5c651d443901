//! The kinds that a worker knows.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use croner::Cron;
use entrepot_domain::{
    Invalid, JobId, Timestamp,
    job::{Claimed, JobKind, NewJob, UniqueKey},
};

use crate::{
    kind::{Attempt, Done, Failure, Kind, KindSettings, new_job},
    metrics::KindMetrics,
};

/// Runs jobs of any kind.
#[async_trait]
trait Handler: Send + Sync {
    async fn run(&self, job: &Claimed) -> Result<Done, Failure>;
}

struct Typed<K>(Arc<K>);

#[async_trait]
impl<K: Kind> Handler for Typed<K> {
    async fn run(&self, job: &Claimed) -> Result<Done, Failure> {
        let payload = K::read(job.payload.version, &job.payload.text)?;
        self.0.run(payload, Attempt { job: job.lease.job, number: job.attempt }).await
    }
}

/// A pattern, and a function that creates the job of a tick.
pub(crate) struct Schedule {
    pub(crate) pattern: &'static str,
    cron: Cron,
    make: Box<dyn Fn(JobId) -> Result<NewJob, Invalid> + Send + Sync>,
}

impl Schedule {
    /// Returns the next time after `moment`; `None` if there is none.
    pub(crate) fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        self.cron.find_next_occurrence(&moment, false).ok()
    }

    pub(crate) fn job(&self, id: JobId) -> Result<NewJob, Invalid> {
        (self.make)(id)
    }
}

/// A kind that the worker knows.
pub(crate) struct Known {
    pub(crate) kind: JobKind,
    /// The name of the kind, as a label of metrics.
    pub(crate) name: &'static str,
    pub(crate) settings: KindSettings,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) metrics: KindMetrics,
    /// The number of its jobs that run in this process.
    running: AtomicU32,
    handler: Box<dyn Handler>,
}

impl Known {
    pub(crate) async fn run(&self, job: &Claimed) -> Result<Done, Failure> {
        self.handler.run(job).await
    }

    pub(crate) fn start(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn finish(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    /// Returns the number of further jobs that may run.
    pub(crate) fn free(&self) -> u32 {
        self.settings.concurrency.saturating_sub(self.running())
    }
}

/// The kinds that a worker knows.
#[derive(Default)]
pub struct Registry(BTreeMap<JobKind, Arc<Known>>);

impl Registry {
    /// Adds a kind. Fails if its name is invalid.
    pub fn add<K: Kind>(&mut self, kind: K) -> Result<(), Invalid> {
        self.insert(Arc::new(kind), None)
    }

    /// Adds a kind whose jobs are queued by its [`schedule`](KindSettings::schedule). Fails if its name or pattern is
    /// invalid.
    pub fn add_scheduled<K: Kind<Payload = ()>>(&mut self, kind: K) -> Result<(), Invalid> {
        let settings = kind.settings();
        let kind = Arc::new(kind);
        let pattern = settings.schedule.ok_or_else(|| Invalid::new(format!("{} has no schedule", K::NAME)))?;
        let cron = six_fields(pattern)?;
        // No job is queued while that of an earlier tick waits or runs.
        let key = UniqueKey::parse("schedule")?;
        let of_tick = kind.clone();
        let make = Box::new(move |id| new_job(&*of_tick, id, &(), Some(key.clone())));
        self.insert(kind, Some(Schedule { pattern, cron, make }))
    }

    fn insert<K: Kind>(&mut self, kind: Arc<K>, schedule: Option<Schedule>) -> Result<(), Invalid> {
        let name = JobKind::parse(K::NAME)?;
        let known = Known {
            kind: name.clone(),
            name: K::NAME,
            settings: kind.settings(),
            schedule,
            metrics: KindMetrics::default(),
            running: AtomicU32::new(0),
            handler: Box::new(Typed(kind)),
        };
        self.0.insert(name, Arc::new(known));
        Ok(())
    }

    pub(crate) fn get(&self, kind: &JobKind) -> Option<&Arc<Known>> {
        self.0.get(kind)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Known>> {
        self.0.values()
    }

    pub(crate) fn names(&self) -> Vec<JobKind> {
        self.0.keys().cloned().collect()
    }
}

/// Parses a pattern of six fields; one of five would have no seconds.
fn six_fields(pattern: &str) -> Result<Cron, Invalid> {
    if pattern.split_whitespace().count() != 6 {
        return Err(Invalid::new(format!("the schedule {pattern} must have six fields")));
    }
    Cron::from_str(pattern).map_err(|why| Invalid::new(format!("the schedule {pattern} cannot be read: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_has_six_fields_and_its_times_increase() {
        assert!(six_fields("* * * * *").is_err() && six_fields("x * * * * *").is_err());
        let cron = six_fields("*/2 * * * * *").unwrap();
        let moment: Timestamp = "2026-11-28T12:00:00.250Z".parse().unwrap();
        let next = cron.find_next_occurrence(&moment, false).unwrap();
        assert_eq!(next.to_rfc3339(), "2026-11-28T12:00:02+00:00");
        assert_eq!(cron.find_next_occurrence(&next, false).unwrap().to_rfc3339(), "2026-11-28T12:00:04+00:00");
    }
}
