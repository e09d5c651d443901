//! The worker on an SQLite store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use common::{Shop, quick};
use entrepot_domain::{
    JobId,
    job::{Backoff, Claim, JobQueue, JobStatus, NewJob, Outcome, Payload, Settlement},
};
use entrepot_testkit::{job, job_id, job_kind};
use entrepot_worker::{Attempt, Done, Failure, Kind, KindSettings, Registry};
use tokio::sync::{Notify, Semaphore, mpsc};

/// Behaves as its payload says, and reports each attempt.
struct Echo {
    begun: mpsc::UnboundedSender<(String, u32)>,
    settings: KindSettings,
    /// Each permit lets one waiting job end.
    gate: Arc<Semaphore>,
    /// The number of running jobs, and its maximum so far.
    running: Arc<(AtomicU32, AtomicU32)>,
}

struct Running(Arc<(AtomicU32, AtomicU32)>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Kind for Echo {
    const NAME: &'static str = "tests.echo";
    type Payload = String;

    fn settings(&self) -> KindSettings {
        self.settings
    }

    async fn run(&self, what: String, attempt: Attempt) -> Result<Done, Failure> {
        let now = self.running.0.fetch_add(1, Ordering::SeqCst) + 1;
        let _running = Running(self.running.clone());
        self.running.1.fetch_max(now, Ordering::SeqCst);
        self.begun.send((what.clone(), attempt.number)).ok();
        match what.as_str() {
            "nothing" => Ok(Done::Nothing),
            "fail" => Err(Failure::later("not today")),
            "fail once" if attempt.number == 1 => Err(Failure::later("not today")),
            "never" => Err(Failure::fatal("not ever")),
            "panic" => std::panic::panic_any("dropped a plate"),
            "wait" => {
                self.gate.acquire().await.unwrap().forget();
                Ok(Done::Succeeded)
            }
            _ => Ok(Done::Succeeded),
        }
    }
}

/// A shop with one kind, and the attempts that its jobs report.
struct Echoes {
    shop: Shop,
    begun: mpsc::UnboundedReceiver<(String, u32)>,
    gate: Arc<Semaphore>,
    running: Arc<(AtomicU32, AtomicU32)>,
    told: mpsc::UnboundedSender<(String, u32)>,
    settings: KindSettings,
}

fn settings() -> KindSettings {
    KindSettings {
        concurrency: 3,
        deadline: Duration::from_secs(30),
        max_attempts: 2,
        backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(1) },
        schedule: None,
    }
}

impl Echoes {
    fn new(settings: KindSettings) -> Self {
        let (told, begun) = mpsc::unbounded_channel();
        let (gate, running) = (Arc::new(Semaphore::new(0)), Arc::default());
        Self { shop: Shop::new(), begun, gate, running, told, settings }
    }

    fn kinds(&self) -> Registry {
        let (begun, gate, running) = (self.told.clone(), self.gate.clone(), self.running.clone());
        let mut kinds = Registry::default();
        kinds.add(Echo { begun, settings: self.settings, gate, running }).unwrap();
        kinds
    }

    async fn queue(&self, n: u128, what: &str) {
        let payload = Payload { version: 1, text: format!("{what:?}") };
        let new = NewJob { payload, max_attempts: self.settings.max_attempts, ..job(n, "tests.echo") };
        self.shop.store.enqueue(&[new]).await.unwrap();
    }

    async fn next(&mut self) -> (String, u32) {
        self.begun.recv().await.unwrap()
    }
}

#[tokio::test]
async fn jobs_are_done_and_reported() {
    let mut echoes = Echoes::new(settings());
    echoes.queue(1, "before the start").await;
    let worker = echoes.shop.start(echoes.kinds(), quick());
    assert_eq!(echoes.next().await, ("before the start".into(), 1));
    echoes.queue(2, "after it").await;
    assert_eq!(echoes.next().await, ("after it".into(), 1));
    echoes.shop.until(1, JobStatus::Succeeded).await;
    echoes.shop.until(2, JobStatus::Succeeded).await;
    worker.stop().await;
}

#[tokio::test]
async fn failed_job_is_retried_until_it_is_dead() {
    let mut echoes = Echoes::new(settings());
    let worker = echoes.shop.start(echoes.kinds(), quick());
    for (n, what, attempts, status, error) in [
        (1, "fail once", 2, JobStatus::Succeeded, "not today"),
        (2, "fail", 2, JobStatus::Dead, "not today"),
        (3, "never", 1, JobStatus::Dead, "not ever"),
        (4, "panic", 2, JobStatus::Dead, "it panicked"),
    ] {
        echoes.queue(n, what).await;
        for attempt in 1..=attempts {
            assert_eq!(echoes.next().await, (what.to_owned(), attempt));
        }
        let job = echoes.shop.until(n, status).await;
        assert_eq!((job.attempt, job.last_error.unwrap().as_str()), (attempts, error), "{what}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn unreadable_payload_is_not_disclosed() {
    let echoes = Echoes::new(settings());
    let worker = echoes.shop.start(echoes.kinds(), quick());
    let hush = Payload { version: 1, text: "{\"token\": \"hush\"}".into() };
    let newer = Payload { version: 2, text: "\"x\"".into() };
    let jobs = [(1, hush), (2, newer)].map(|(n, payload)| NewJob { payload, max_attempts: 1, ..job(n, "tests.echo") });
    echoes.shop.store.enqueue(&jobs).await.unwrap();
    for n in [1, 2] {
        let error = echoes.shop.until(n, JobStatus::Dead).await.last_error.unwrap();
        assert!(error.as_str().starts_with("its payload") && !error.as_str().contains("hush"), "{error}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn concurrency_of_a_kind_is_limited() {
    let mut echoes = Echoes::new(settings());
    for n in 1..=10 {
        echoes.queue(n, "wait").await;
    }
    let worker = echoes.shop.start(echoes.kinds(), quick());
    for _ in 0..3 {
        echoes.next().await;
    }
    echoes.gate.add_permits(10);
    for n in 1..=10 {
        echoes.shop.until(n, JobStatus::Succeeded).await;
    }
    assert_eq!(echoes.running.1.load(Ordering::SeqCst), 3);
    worker.stop().await;
}

#[tokio::test]
async fn job_is_stopped_at_its_deadline() {
    let deadline = Duration::from_millis(20);
    let echoes = Echoes::new(KindSettings { deadline, max_attempts: 1, ..settings() });
    echoes.queue(1, "wait").await;
    let worker = echoes.shop.start(echoes.kinds(), quick());
    let job = echoes.shop.until(1, JobStatus::Dead).await;
    assert_eq!(job.last_error.unwrap().as_str(), "it took longer than its deadline");
    assert_eq!(echoes.running.0.load(Ordering::SeqCst), 0);
    worker.stop().await;
}

/// The job takes far longer than its lease.
#[tokio::test]
async fn long_job_keeps_its_lease() {
    let mut echoes = Echoes::new(settings());
    echoes.queue(1, "wait").await;
    let lease = Duration::from_millis(120);
    let settings = entrepot_worker::WorkerSettings { lease, ..quick() };
    let worker = echoes.shop.start(echoes.kinds(), settings);
    assert_eq!(echoes.next().await.1, 1);
    // Rescues by another worker, for the duration of five leases.
    let begun = std::time::Instant::now();
    while begun.elapsed() < lease * 5 {
        assert_eq!(echoes.shop.store.rescue(&[job_kind("tests.echo")]).await.unwrap(), 0);
    }
    echoes.gate.add_permits(1);
    let job = echoes.shop.until(1, JobStatus::Succeeded).await;
    assert_eq!(job.attempt, 1);
    worker.stop().await;
}

#[tokio::test]
async fn cancelled_job_is_stopped() {
    let mut echoes = Echoes::new(settings());
    echoes.queue(1, "wait").await;
    let worker = echoes.shop.start(echoes.kinds(), quick());
    echoes.next().await;
    entrepot_domain::job::JobRepository::cancel(&*echoes.shop.store, job_id(1)).await.unwrap();
    while echoes.running.0.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    echoes.shop.until(1, JobStatus::Cancelled).await;
    worker.stop().await;
}

#[tokio::test]
async fn shutdown_waits_for_running_jobs_and_starts_none() {
    let mut echoes = Echoes::new(KindSettings { concurrency: 1, ..settings() });
    echoes.queue(1, "wait").await;
    let worker = echoes.shop.start(echoes.kinds(), quick());
    echoes.next().await;
    let (stopping, gate) = (tokio::spawn(worker.stop()), echoes.gate.clone());
    echoes.queue(2, "too late").await;
    gate.add_permits(1);
    stopping.await.unwrap();
    echoes.shop.until(1, JobStatus::Succeeded).await;
    echoes.shop.until(2, JobStatus::Ready).await;
}

#[tokio::test]
async fn shutdown_releases_jobs_that_take_too_long() {
    let mut echoes = Echoes::new(settings());
    echoes.queue(1, "wait").await;
    let settings = entrepot_worker::WorkerSettings { shutdown_timeout: Duration::from_millis(10), ..quick() };
    let worker = echoes.shop.start(echoes.kinds(), settings);
    echoes.next().await;
    worker.stop().await;
    let job = echoes.shop.until(1, JobStatus::Ready).await;
    assert_eq!(job.attempt, 0, "it counts as not begun");
}

/// A killed worker renews no lease. Another worker runs its jobs, and a late outcome of the first is not written.
#[tokio::test]
async fn jobs_of_a_lost_worker_are_done_by_another() {
    let mut echoes = Echoes::new(settings());
    echoes.queue(1, "x").await;
    let claim = Claim { kinds: vec![(job_kind("tests.echo"), 1)], lease: Duration::from_millis(1) };
    let lost = echoes.shop.store.claim(&claim).await.unwrap().remove(0);
    let worker = echoes.shop.start(echoes.kinds(), quick());
    assert_eq!(echoes.next().await, ("x".into(), 2));
    let late = Settlement { lease: lost.lease, outcome: Outcome::Nothing };
    assert_eq!(echoes.shop.store.settle(&[late]).await.unwrap(), Vec::<JobId>::new());
    echoes.shop.until(1, JobStatus::Succeeded).await;
    worker.stop().await;
}

/// Runs every second.
struct Tick(Arc<Notify>);

#[async_trait]
impl Kind for Tick {
    const NAME: &'static str = "tests.tick";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        KindSettings { schedule: Some("* * * * * *"), ..KindSettings::default() }
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        self.0.notify_one();
        Ok(Done::Succeeded)
    }
}

/// By the clock of the store.
#[tokio::test]
async fn schedule_fires_once_with_several_workers() {
    let shop = Shop::new();
    let ticked = Arc::new(Notify::new());
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let mut kinds = Registry::default();
            kinds.add_scheduled(Tick(ticked.clone())).unwrap();
            shop.start(kinds, quick())
        })
        .collect();
    for _ in 0..2 {
        ticked.notified().await;
    }
    for worker in workers {
        worker.stop().await;
    }
    let jobs = shop.all().await;
    let seconds: std::collections::BTreeSet<_> = jobs.iter().map(|job| job.created_at.timestamp()).collect();
    assert!(jobs.len() >= 2 && seconds.len() == jobs.len(), "{jobs:#?}");
}

#[tokio::test]
async fn every_kind_has_metrics() {
    let mut echoes = Echoes::new(settings());
    echoes.queue(1, "x").await;
    echoes.queue(2, "never").await;
    let (worker, metrics) = echoes.shop.start_measured(echoes.kinds(), quick());
    for _ in 0..2 {
        echoes.next().await;
    }
    echoes.shop.until(1, JobStatus::Succeeded).await;
    echoes.shop.until(2, JobStatus::Dead).await;
    let samples = metrics.samples();
    let value = |name: &str| samples.iter().find(|sample| sample.name == name).unwrap().value;
    assert!(samples.iter().all(|sample| sample.labels == [("kind", "tests.echo")]));
    assert!((value("jobs_finished_total") - 1.0).abs() < 0.1 && (value("jobs_failures_total") - 1.0).abs() < 0.1);
    assert!(value("jobs_duration_seconds_total") > 0.0 && value("jobs_running") < 0.1);
    worker.stop().await;
}
