//! Jobs.
//!
//! A job that has ended moves to a table of its own, so that claims do not scan ended jobs. A reader checks whether any
//! job is due, so a poll that finds none does not use the writer.

mod admin;
mod claim;
mod enqueue;
mod list;
mod row;
mod schedule;
mod settle;

pub(crate) use enqueue::enqueue;

use std::time::Duration;

use async_trait::async_trait;
use diesel::SqliteConnection;
use entrepot_domain::{
    Fault, JobId, Listing,
    event::Consumed,
    job::{
        Backlog, Claim, Claimed, Job, JobError, JobKind, JobQuery, JobQueue, JobRepository, JobSummary, Lease, NewJob,
        Schedules, Settlement, Tick,
    },
};

use crate::{SqliteStore, event::consume, listing::snapshot};

#[async_trait]
impl JobQueue for SqliteStore {
    async fn enqueue(&self, jobs: &[NewJob]) -> Result<Vec<JobId>, Fault> {
        let jobs = jobs.to_vec();
        let queued = self.write(move |connection| enqueue(connection, &jobs)).await?;
        self.queued_jobs().notify_one();
        Ok(queued)
    }

    async fn enqueue_consumed(&self, consumed: &Consumed, jobs: &[NewJob]) -> Result<bool, Fault> {
        let (consumed, jobs) = (*consumed, jobs.to_vec());
        let write = move |connection: &mut SqliteConnection| {
            let is_first = consume(connection, &consumed)?;
            if is_first {
                enqueue::enqueue(connection, &jobs)?;
            }
            Ok::<_, Fault>(is_first)
        };
        let is_first = self.write(write).await?;
        self.queued_jobs().notify_one();
        Ok(is_first)
    }

    async fn queued(&self) {
        self.queued_jobs().notified().await;
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
        let asked = claim.clone();
        if !self.read(move |connection| claim::is_due(connection, &asked)).await? {
            return Ok(Vec::new());
        }
        let claim = claim.clone();
        self.write(move |connection| claim::claim(connection, &claim)).await
    }

    async fn renew(&self, leases: &[Lease], time: Duration) -> Result<Vec<Lease>, Fault> {
        let leases = leases.to_vec();
        self.write(move |connection| claim::renew(connection, &leases, time)).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
        let settlements = settlements.to_vec();
        self.write(move |connection| settle::settle(connection, &settlements)).await
    }

    async fn rescue(&self, kinds: &[JobKind]) -> Result<u32, Fault> {
        let asked = kinds.to_vec();
        if !self.read(move |connection| settle::is_any_lost(connection, &asked)).await? {
            return Ok(0);
        }
        let kinds = kinds.to_vec();
        self.write(move |connection| settle::rescue(connection, &kinds)).await
    }

    async fn schedules(&self, names: &[JobKind]) -> Result<Schedules, Fault> {
        let names = names.to_vec();
        self.read(move |connection| schedule::schedules(connection, &names)).await
    }

    async fn tick(&self, tick: &Tick) -> Result<bool, Fault> {
        let tick = tick.clone();
        let taken = self.write(move |connection| schedule::tick(connection, &tick)).await?;
        self.queued_jobs().notify_one();
        Ok(taken)
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, Fault> {
        self.read(admin::backlog).await
    }

    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault> {
        if !self.read(move |connection| settle::is_any_old(connection, age)).await? {
            return Ok(0);
        }
        self.write(move |connection| settle::prune(connection, age, most)).await
    }
}

#[async_trait]
impl JobRepository for SqliteStore {
    async fn list(&self, query: &JobQuery) -> Result<Listing<Job>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }

    async fn find(&self, id: JobId) -> Result<Option<Job>, Fault> {
        self.read(move |connection| list::find(connection, id)).await
    }

    async fn summary(&self) -> Result<JobSummary, Fault> {
        self.read(|connection| snapshot(connection, admin::summary)).await
    }

    async fn cancel(&self, id: JobId) -> Result<(), JobError> {
        self.write(move |connection| admin::cancel(connection, id)).await
    }

    async fn retry(&self, id: JobId) -> Result<(), JobError> {
        self.write(move |connection| admin::retry(connection, id)).await?;
        self.queued_jobs().notify_one();
        Ok(())
    }
}
