//! Measures jobs: `cargo run --release -p entrepot-worker --example jobs -- sqlite` or `postgres`.
//!
//! 10,000 jobs that do nothing are drained by one worker on SQLite and by two on PostgreSQL, and the time from queued
//! to started is taken of 2,000 jobs that come one after the other, queued by the process of the worker and by another
//! one. All of it twice: on an empty store, and beside 100,000 dead jobs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a measurement may panic"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use entrepot_domain::{
    IdGenerator, JobId,
    job::{Claim, ErrorText, JobKind, JobQueue, NewJob, Outcome, Payload, Priority, Settlement},
};
use entrepot_memory::UuidV7;
use entrepot_postgres::{PostgresOptions, PostgresStore, migrate};
use entrepot_security::SystemRandomness;
use entrepot_sqlite::{SqliteOptions, SqliteStore};
use entrepot_testkit::Database;
use entrepot_worker::{Attempt, Done, Failure, Kind, KindSettings, Registry, Worker, WorkerPorts, WorkerSettings};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

const JOBS: usize = 10_000;
const DEAD: usize = 100_000;
const ONE_BY_ONE: usize = 2_000;

/// The time at which each job started, and the number of starts.
#[derive(Default)]
struct Seen {
    begun: Mutex<HashMap<JobId, (Instant, u32)>>,
    count: AtomicU32,
}

struct Noop(Arc<Seen>);

#[async_trait]
impl Kind for Noop {
    const NAME: &'static str = "bench.noop";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        KindSettings { concurrency: 500, ..KindSettings::default() }
    }

    async fn run(&self, (): (), attempt: Attempt) -> Result<Done, Failure> {
        self.0.begun.lock().unwrap().entry(attempt.job).or_insert((Instant::now(), 0)).1 += 1;
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Ok(Done::Succeeded)
    }
}

fn new_job(kind: &str) -> NewJob {
    NewJob {
        id: JobId(UuidV7.next()),
        kind: JobKind::parse(kind).unwrap(),
        payload: Payload { version: 1, text: "null".into() },
        priority: Priority::default(),
        delay: Duration::ZERO,
        max_attempts: 10,
        unique: None,
        trace: None,
    }
}

async fn enqueue(queue: &dyn JobQueue, kind: &str, count: usize) {
    let jobs: Vec<_> = (0..count).map(|_| new_job(kind)).collect();
    for part in jobs.chunks(1_000) {
        assert_eq!(queue.enqueue(part).await.unwrap().len(), part.len());
    }
}

async fn bury(queue: &dyn JobQueue) {
    for _ in 0..DEAD / 1_000 {
        enqueue(queue, "bench.dead", 1_000).await;
        let kinds = vec![(JobKind::parse("bench.dead").unwrap(), 1_000)];
        let claimed = queue.claim(&Claim { kinds, lease: Duration::from_mins(1) }).await.unwrap();
        let dead = |lease| Settlement { lease, outcome: Outcome::Dead { error: ErrorText::new("no way") } };
        let all: Vec<_> = claimed.iter().map(|job| dead(job.lease)).collect();
        assert_eq!(queue.settle(&all).await.unwrap().len(), 1_000);
    }
}

struct Workers {
    stop: CancellationToken,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Each on a runtime of its own, as in a process of its own.
fn start(queues: &[Arc<dyn JobQueue>], seen: &Arc<Seen>) -> Workers {
    let stop = CancellationToken::new();
    let threads = queues.iter().map(|queue| {
        let mut kinds = Registry::default();
        kinds.add(Noop(seen.clone())).unwrap();
        let ports = WorkerPorts { queue: queue.clone(), ids: Arc::new(UuidV7), random: Arc::new(SystemRandomness) };
        let worker = Worker::new(ports, kinds, WorkerSettings::default());
        let stop = stop.clone();
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(worker.run(stop));
        })
    });
    Workers { threads: threads.collect(), stop }
}

async fn until(seen: &Seen, count: usize) {
    while (seen.count.load(Ordering::Relaxed) as usize) < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn drain(queues: &[Arc<dyn JobQueue>]) {
    let seen = Arc::<Seen>::default();
    enqueue(&*queues[0], "bench.noop", JOBS).await;
    let begun = Instant::now();
    let workers = start(queues, &seen);
    until(&seen, JOBS).await;
    let ran = begun.elapsed();
    let queue = queues[0].clone();
    while queue.backlog().await.unwrap().iter().any(|kind| kind.running + kind.ready > 0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (took, per) = (begun.elapsed(), |time: Duration| JOBS as f64 / time.as_secs_f64());
    workers.stop.cancel();
    workers.threads.into_iter().for_each(|thread| thread.join().unwrap());
    let counts = seen.begun.lock().unwrap();
    let twice = counts.values().filter(|(_, count)| *count > 1).count();
    println!(
        "  drained {} jobs in {took:.0?}: {:.0} jobs/s (begun after {ran:.0?}), {twice} twice, {} lost",
        counts.len(),
        per(took),
        JOBS - counts.len()
    );
}

async fn latency(queues: &[Arc<dyn JobQueue>], from: &dyn JobQueue, words: &str) {
    let seen = Arc::<Seen>::default();
    let workers = start(queues, &seen);
    let mut sent = HashMap::new();
    for _ in 0..ONE_BY_ONE {
        let new = new_job("bench.noop");
        from.enqueue(std::slice::from_ref(&new)).await.unwrap();
        sent.insert(new.id, Instant::now());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    until(&seen, ONE_BY_ONE).await;
    workers.stop.cancel();
    workers.threads.into_iter().for_each(|thread| thread.join().unwrap());
    let begun = seen.begun.lock().unwrap();
    let mut waits: Vec<_> =
        sent.iter().map(|(id, at)| begun[id].0.saturating_duration_since(*at).as_secs_f64() * 1e3).collect();
    waits.sort_by(f64::total_cmp);
    let at = |part: usize| waits[(waits.len() * part / 1_000).min(waits.len() - 1)];
    println!("  queued to started, {words}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(500), at(990), at(999));
}

async fn measure(queues: &[Arc<dyn JobQueue>], other: Option<&dyn JobQueue>) {
    for dead in [false, true] {
        if dead {
            bury(&*queues[0]).await;
        }
        println!("{}", if dead { "beside 100,000 dead jobs" } else { "on an empty store" });
        drain(queues).await;
        latency(queues, &*queues[0], "by the worker's process").await;
        if let Some(other) = other {
            latency(queues, other, "by another process").await;
        }
    }
}

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("sqlite") => {
            let folder = TempDir::new().unwrap();
            let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
            println!("SQLite, one worker");
            measure(&[Arc::new(store)], None).await;
        }
        Some("postgres") => {
            let database = Database::empty().await.unwrap();
            let options = PostgresOptions::parse(database.url()).unwrap();
            let of_schema = options.clone();
            spawn_blocking(move || migrate(&of_schema)).await.unwrap().unwrap();
            let mut stores: Vec<Arc<dyn JobQueue>> = Vec::new();
            for _ in 0..3 {
                let options = options.clone();
                stores.push(Arc::new(spawn_blocking(move || PostgresStore::open(&options)).await.unwrap().unwrap()));
            }
            println!("PostgreSQL, two workers");
            measure(&stores[..2], Some(&*stores[2])).await;
        }
        _ => println!("say sqlite or postgres"),
    }
}
