//! A store with jobs, and workers on it.

use std::{sync::Arc, time::Duration};

use entrepot_domain::{
    Direction, Limit, MetricSource, Sort, Window,
    job::{Job, JobFilter, JobQuery, JobRepository, JobSort, JobStatus},
};
use entrepot_memory::UuidV7;
use entrepot_security::SystemRandomness;
use entrepot_sqlite::{SqliteOptions, SqliteStore};
use entrepot_testkit::job_id;
use entrepot_worker::{Registry, Worker, WorkerPorts, WorkerSettings};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Settings with short intervals.
pub(crate) fn quick() -> WorkerSettings {
    WorkerSettings {
        lease: Duration::from_millis(300),
        min_poll_interval: Duration::from_millis(1),
        max_poll_interval: Duration::from_millis(5),
        rescue_interval: Duration::from_millis(5),
        count_interval: Duration::from_millis(5),
        shutdown_timeout: Duration::from_secs(30),
    }
}

/// A store in a folder of its own.
pub(crate) struct Shop {
    pub(crate) store: Arc<SqliteStore>,
    _folder: TempDir,
}

/// A worker that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    worker: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.worker.await.unwrap();
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        Self { store: Arc::new(store), _folder: folder }
    }

    pub(crate) fn start(&self, kinds: Registry, settings: WorkerSettings) -> Running {
        self.start_measured(kinds, settings).0
    }

    pub(crate) fn start_measured(&self, kinds: Registry, settings: WorkerSettings) -> (Running, Arc<dyn MetricSource>) {
        let ports =
            WorkerPorts { queue: self.store.clone(), ids: Arc::new(UuidV7), random: Arc::new(SystemRandomness) };
        let worker = Worker::new(ports, kinds, settings);
        let (metrics, stop) = (worker.metrics(), CancellationToken::new());
        let worker = tokio::spawn(worker.run(stop.clone()));
        (Running { stop, worker }, metrics)
    }

    /// Waits until a job has this status.
    pub(crate) async fn until(&self, n: u128, status: JobStatus) -> Job {
        loop {
            let job = JobRepository::find(&*self.store, job_id(n)).await.unwrap().unwrap();
            if job.status == status {
                return job;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn all(&self) -> Vec<Job> {
        let query = JobQuery {
            filter: JobFilter::default(),
            sort: Sort::by(JobSort::CreatedAt, Direction::Ascending),
            window: Window::After { place: None, limit: Limit::new(100).unwrap() },
        };
        JobRepository::list(&*self.store, &query).await.unwrap().items
    }
}
