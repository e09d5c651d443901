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

/// A pattern, and how the job of a tick is made.
pub(crate) struct Schedule {
    pub(crate) pattern: &'static str,
    cron: Cron,
    make: Box<dyn Fn(JobId) -> Result<NewJob, Invalid> + Send + Sync>,
}

impl Schedule {
    /// The first moment after another one; `None` if there is none.
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
    /// The same, as a label of metrics.
    pub(crate) name: &'static str,
    pub(crate) settings: KindSettings,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) metrics: KindMetrics,
    /// How many of its jobs this process has.
    taken: AtomicU32,
    handler: Box<dyn Handler>,
}

impl Known {
    pub(crate) async fn run(&self, job: &Claimed) -> Result<Done, Failure> {
        self.handler.run(job).await
    }

    pub(crate) fn take(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn running(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many more of its jobs may run.
    pub(crate) fn free(&self) -> u32 {
        self.settings.concurrency.saturating_sub(self.running())
    }
}

/// The kinds that a worker knows.
#[derive(Default)]
pub struct Registry(BTreeMap<JobKind, Arc<Known>>);

impl Registry {
    /// Adds a kind. An error is a bad name or a bad pattern.
    pub fn add<K: Kind>(&mut self, kind: K) -> Result<(), Invalid> {
        self.insert(Arc::new(kind), None)
    }

    /// Adds a kind whose jobs are queued by its [`schedule`](KindSettings::schedule).
    pub fn add_scheduled<K: Kind<Payload = ()>>(&mut self, kind: K) -> Result<(), Invalid> {
        let settings = kind.settings();
        let kind = Arc::new(kind);
        let pattern = settings.schedule.ok_or_else(|| Invalid::new(format!("{} has no schedule", K::NAME)))?;
        let cron = six_fields(pattern)?;
        // While the job of an earlier tick waits or runs, there is no other.
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
            taken: AtomicU32::new(0),
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

/// Reads a pattern with seconds, which five fields would leave out.
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
    fn a_pattern_has_six_fields_and_its_moments_follow_each_other() {
        assert!(six_fields("* * * * *").is_err() && six_fields("x * * * * *").is_err());
        let cron = six_fields("*/2 * * * * *").unwrap();
        let moment: Timestamp = "2026-11-28T12:00:00.250Z".parse().unwrap();
        let next = cron.find_next_occurrence(&moment, false).unwrap();
        assert_eq!(next.to_rfc3339(), "2026-11-28T12:00:02+00:00");
        assert_eq!(cron.find_next_occurrence(&next, false).unwrap().to_rfc3339(), "2026-11-28T12:00:04+00:00");
    }
}
