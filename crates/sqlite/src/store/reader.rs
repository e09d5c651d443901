//! The reader threads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread::JoinHandle,
};

use anyhow::Result;
use diesel::{SqliteConnection, connection::SimpleConnection};
use entrepot_domain::Fault;
use tokio::sync::oneshot;

use super::{panicked, spawn};

/// The maximum number of queued reads.
pub(super) const MAX_QUEUED: usize = 4_096;

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

pub(super) enum Message {
    Job(Job),
    Stop,
}

/// Creates a job that sends its result on the returned channel.
pub(super) fn job<T: Send + 'static>(
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, Fault>>) {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        // No query is run for a dropped caller.
        if !answer.is_closed() {
            let result = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| {
                // Its snapshot would be used by all later reads. An error means that there was none.
                connection.batch_execute("ROLLBACK").ok();
                Err(panicked(&*panic))
            });
            answer.send(result).ok();
        }
    });
    (job, answered)
}

pub(super) fn start(mut connection: SqliteConnection, jobs: flume::Receiver<Message>) -> Result<JoinHandle<()>> {
    spawn("sqlite-reader", move || {
        while let Ok(Message::Job(job)) = jobs.recv() {
            job(&mut connection);
        }
    })
}
