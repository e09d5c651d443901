//! The threads that read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread::JoinHandle,
};

use anyhow::Result;
use diesel::{SqliteConnection, connection::SimpleConnection};
use entrepot_domain::Fault;
use tokio::sync::oneshot;

use super::{panicked, spawn};

/// How many reads may wait before one is turned away.
pub(super) const MAX_QUEUED: usize = 4_096;

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

pub(super) enum Message {
    Job(Job),
    Stop,
}

/// A job that answers on the channel beside it.
pub(super) fn job<T: Send + 'static>(
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault> + Send + 'static,
) -> (Job, oneshot::Receiver<Result<T, Fault>>) {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |connection| {
        // A reader that is gone costs no query.
        if !answer.is_closed() {
            let result = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| {
                // Its snapshot would be that of every read to come. An error means that it had none.
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
