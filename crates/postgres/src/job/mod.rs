//! Jobs.
//!
//! Claims and outcomes are written in batches, one statement each, over separate connections. A job that has ended
//! moves to a separate table in the same statement: its row version in `jobs` is dead at once, so neither lists nor
//! claims scan ended jobs.

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
use entrepot_domain::{
    Fault, JobId, Listing,
    event::Consumed,
    job::{
        Backlog, Claim, Claimed, Job, JobError, JobKind, JobQuery, JobQueue, JobRepository, JobSummary, Lease, NewJob,
        Schedules, Settlement, Tick,
    },
};
use futures_util::FutureExt;

use crate::{PostgresStore, event::consume, store::transaction::Begin};

#[async_trait]
impl JobQueue for PostgresStore {
    async fn enqueue(&self, jobs: &[NewJob]) -> Result<Vec<JobId>, Fault> {
        let queued = self.write(jobs.to_vec(), |connection, jobs| enqueue(connection, jobs).boxed()).await?;
        self.queued_jobs().notify_one();
        Ok(queued)
    }

    async fn enqueue_consumed(&self, consumed: &Consumed, jobs: &[NewJob]) -> Result<bool, Fault> {
        let handled = (*consumed, jobs.to_vec());
        let is_first = self.write(handled, |connection, (consumed, jobs)| {
            async move {
                let is_first = consume(connection, consumed).await?;
                if is_first {
                    enqueue::enqueue(connection, jobs).await?;
                }
                Ok(is_first)
            }
            .boxed()
        });
        let is_first = is_first.await?;
        self.queued_jobs().notify_one();
        Ok(is_first)
    }

    async fn queued(&self) {
        self.queued_jobs().notified().await;
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
        let claim = claim.clone();
        self.work_on_jobs(Begin::Plain, claim, |connection, claim| claim::claim(connection, claim).boxed()).await
    }

    async fn renew(&self, leases: &[Lease], time: Duration) -> Result<Vec<Lease>, Fault> {
        let renewal = (leases.to_vec(), time);
        self.work_on_jobs(Begin::Plain, renewal, |connection, (leases, time)| {
            claim::renew(connection, leases, *time).boxed()
        })
        .await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
        let (begin, settlements) = (settle::begin(settlements), settlements.to_vec());
        self.work_on_jobs(begin, settlements, |connection, all| settle::settle(connection, all).boxed()).await
    }

    async fn rescue(&self, kinds: &[JobKind]) -> Result<u32, Fault> {
        let kinds = kinds.to_vec();
        self.work_on_jobs(Begin::Write, kinds, |connection, kinds| settle::rescue(connection, kinds).boxed()).await
    }

    async fn schedules(&self, names: &[JobKind]) -> Result<Schedules, Fault> {
        self.read(names.to_vec(), |connection, names| schedule::schedules(connection, names).boxed()).await
    }

    async fn tick(&self, tick: &Tick) -> Result<bool, Fault> {
        let taken = self.write(tick.clone(), |connection, tick| schedule::tick(connection, tick).boxed()).await?;
        self.queued_jobs().notify_one();
        Ok(taken)
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, Fault> {
        self.read((), |connection, ()| admin::backlog(connection).boxed()).await
    }

    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault> {
        self.work_on_jobs(Begin::Plain, (age, most), |connection, (age, most)| {
            settle::prune(connection, *age, *most).boxed()
        })
        .await
    }
}

#[async_trait]
impl JobRepository for PostgresStore {
    async fn list(&self, query: &JobQuery) -> Result<Listing<Job>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }

    async fn find(&self, id: JobId) -> Result<Option<Job>, Fault> {
        self.read(id, |connection, id| list::find(connection, *id).boxed()).await
    }

    async fn summary(&self) -> Result<JobSummary, Fault> {
        self.list_from((), |connection, ()| admin::summary(connection).boxed()).await
    }

    async fn cancel(&self, id: JobId) -> Result<(), JobError> {
        self.write(id, |connection, id| admin::cancel(connection, *id).boxed()).await
    }

    async fn retry(&self, id: JobId) -> Result<(), JobError> {
        self.write(id, |connection, id| admin::retry(connection, *id).boxed()).await?;
        self.queued_jobs().notify_one();
        Ok(())
    }
}
