//! Claims jobs and runs them.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use entrepot_domain::{
    IdGenerator, MetricSource, Sample,
    api_key::{Randomness, spread},
    job::{Claim, Claimed, ErrorText, Failed, JobQueue, Outcome, Settlement},
};
use futures_util::FutureExt;
use tokio::{
    spawn,
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    WorkerSettings,
    held::HeldLeases,
    keep,
    kind::{Done, Failure},
    registry::{Known, Registry},
    schedule::schedule,
    settle::settle,
    trace,
};

/// The maximum number of outcomes that wait to be written; further attempts wait to hand theirs over.
const OUTCOMES: usize = 1_024;

/// The wait after a failed claim.
const PAUSE: Duration = Duration::from_secs(1);

/// The ports that a [`Worker`] holds.
pub struct WorkerPorts {
    /// The job queue.
    pub queue: Arc<dyn JobQueue>,
    /// Generates the identifiers of scheduled jobs.
    pub ids: Arc<dyn IdGenerator>,
    /// The source of the jitter of retries.
    pub random: Arc<dyn Randomness>,
}

/// Runs jobs until it is stopped.
///
/// It claims as many jobs as it may run, in batches, and writes their outcomes in batches. Jobs queued by this process
/// wake it; for those of other processes it polls, often while it finds some and rarely while it finds none.
pub struct Worker {
    ports: WorkerPorts,
    registry: Arc<Registry>,
    settings: WorkerSettings,
    held: Arc<HeldLeases>,
    /// Notified when a job has ended and another may start.
    freed: Arc<Notify>,
}

impl Worker {
    /// Creates a worker of these kinds.
    pub fn new(ports: WorkerPorts, registry: Registry, settings: WorkerSettings) -> Self {
        let (held, freed) = (Arc::default(), Arc::default());
        Self { ports, registry: Arc::new(registry), settings, held, freed }
    }

    /// Returns the metrics of its kinds.
    pub fn metrics(&self) -> Arc<dyn MetricSource> {
        Arc::new(WorkerMetrics(self.registry.clone()))
    }

    /// Runs jobs until `stop` is cancelled. Then it starts no more, and returns when the running jobs have ended or, at
    /// the shutdown time-out, were released.
    pub async fn run(self, stop: CancellationToken) {
        let worker = Arc::new(self);
        let (ended, outcomes) = mpsc::channel(OUTCOMES);
        let queue = &worker.ports.queue;
        let settler = spawn(settle(queue.clone(), worker.held.clone(), outcomes));
        let renewer = spawn(keep::renew(queue.clone(), worker.held.clone(), worker.settings.lease));
        let periodic = [
            spawn(keep::rescue(queue.clone(), worker.registry.clone(), worker.settings.rescue_interval)),
            spawn(keep::count(queue.clone(), worker.registry.clone(), worker.settings.count_interval)),
            spawn(schedule(queue.clone(), worker.registry.clone(), worker.ports.ids.clone())),
        ];
        let (running, release) = (TaskTracker::new(), CancellationToken::new());
        worker.claim_until(&stop, &running, &release, &ended).await;
        for task in periodic {
            task.abort();
        }
        running.close();
        if timeout(worker.settings.shutdown_timeout, running.wait()).await.is_err() {
            tracing::warn!(jobs = running.len(), "jobs took too long to end and are released");
            release.cancel();
            running.wait().await;
        }
        drop(ended);
        if timeout(worker.settings.lease, settler).await.is_err() {
            tracing::error!("the outcomes of jobs could not be written; the jobs run again when their leases expire");
        }
        renewer.abort();
    }

    /// Claims jobs and starts them.
    async fn claim_until(
        self: &Arc<Self>,
        stop: &CancellationToken,
        running: &TaskTracker,
        release: &CancellationToken,
        ended: &mpsc::Sender<Settlement>,
    ) {
        let WorkerSettings { lease, min_poll_interval, max_poll_interval, .. } = self.settings;
        let mut poll_interval = min_poll_interval;
        while !stop.is_cancelled() {
            let free = self.registry.iter().map(|known| (known, known.free())).filter(|(_, free)| *free > 0);
            let kinds: Vec<_> = free.map(|(known, free)| (known.kind.clone(), free)).collect();
            let is_any_busy = kinds.len() < self.registry.iter().count();
            let asked_at = Instant::now();
            let claimed = if kinds.is_empty() {
                Vec::new()
            } else {
                match self.ports.queue.claim(&Claim { kinds, lease }).await {
                    Ok(claimed) => claimed,
                    Err(fault) => {
                        tracing::debug!(error = %fault, "no jobs could be claimed");
                        tokio::select! { () = sleep(PAUSE) => {}, () = stop.cancelled() => {} }
                        continue;
                    }
                }
            };
            let found = !claimed.is_empty();
            for job in claimed {
                self.start(job, asked_at + lease, running, release, ended);
            }
            if found {
                poll_interval = min_poll_interval;
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = self.ports.queue.queued() => poll_interval = min_poll_interval,
                () = self.freed.notified(), if is_any_busy => {}
                () = sleep(poll_interval) => poll_interval = (poll_interval * 2).min(max_poll_interval),
                () = stop.cancelled() => {}
            }
        }
    }

    fn start(
        self: &Arc<Self>,
        job: Claimed,
        until: Instant,
        running: &TaskTracker,
        release: &CancellationToken,
        ended: &mpsc::Sender<Settlement>,
    ) {
        // The claim names only kinds of the registry.
        let Some(known) = self.registry.get(&job.kind).cloned() else { return };
        let lost = self.held.add(job.lease, until);
        known.start();
        let (worker, release, ended) = (self.clone(), release.clone(), ended.clone());
        running.spawn(async move {
            let begun = Instant::now();
            let outcome = tokio::select! {
                outcome = worker.attempt(&known, &job) => Some(outcome),
                () = lost.cancelled() => None,
                () = release.cancelled() => Some(Outcome::Released),
            };
            known.metrics.ended(outcome.as_ref(), begun.elapsed());
            match outcome {
                Some(outcome) => drop(ended.send(Settlement { lease: job.lease, outcome }).await),
                None => {
                    tracing::warn!(job = %job.lease.job, kind = %job.kind, "a job was cancelled, or its lease was lost");
                }
            }
            known.finish();
            worker.freed.notify_one();
        });
    }

    /// Runs an attempt, and returns its outcome.
    async fn attempt(&self, known: &Known, job: &Claimed) -> Outcome {
        let span = trace::span(job);
        let work = AssertUnwindSafe(known.run(job)).catch_unwind();
        let done = timeout(known.settings.deadline, work.instrument(span.clone())).await;
        let _in_span = span.enter();
        let failure = match done {
            Ok(Ok(Ok(Done::Succeeded))) => return Outcome::Succeeded,
            Ok(Ok(Ok(Done::Nothing))) => return Outcome::Nothing,
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) => Failure::later("it panicked"),
            Err(_) => Failure::later("it took longer than its deadline"),
        };
        tracing::warn!(error = %failure.error, "a job failed");
        if failure.is_final {
            return Outcome::Dead { error: failure.error };
        }
        self.failed(known, job, failure.error)
    }

    fn failed(&self, known: &Known, job: &Claimed, error: ErrorText) -> Outcome {
        let failed = Failed { attempt: job.attempt, max_attempts: job.max_attempts };
        failed.outcome(&known.settings.backoff, spread(&*self.ports.random), error)
    }
}

struct WorkerMetrics(Arc<Registry>);

impl MetricSource for WorkerMetrics {
    fn samples(&self) -> Vec<Sample> {
        // The samples of one name must be adjacent.
        let mut samples: Vec<_> =
            self.0.iter().flat_map(|known| known.metrics.samples(known.name, known.running())).collect();
        samples.sort_by_key(|sample| sample.name);
        samples
    }
}
