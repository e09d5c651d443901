//! The contract of every [`JobQueue`](entrepot_domain::job::JobQueue) and every
//! [`JobRepository`](entrepot_domain::job::JobRepository).
#![allow(missing_docs, reason = "the names of the cases say it")]

mod admin;
mod claim;
mod lease;
mod schedule;

use std::time::Duration;

use entrepot_domain::{
    JobId,
    job::{Claim, Claimed, ErrorText, Job, JobQueue, JobStatus, NewJob, Outcome, Settlement},
};
use entrepot_testkit::{job_id, job_kind};

use crate::Stores;

pub use admin::*;
pub use claim::*;
pub use lease::*;
pub use schedule::*;

/// Generates a test for each case: `entrepot_contract::job_suite!(harness())`.
#[macro_export]
macro_rules! job_suite {
    ($harness:expr) => {
        $crate::suite! { job, $harness,
            claimed_job_is_completed,
            each_job_is_claimed_once,
            jobs_are_claimed_by_priority_then_by_due_time,
            job_waits_until_its_run_time,
            only_requested_kinds_are_claimed,
            unique_job_is_not_queued_twice,
            unique_job_is_queued_once_by_concurrent_callers,
            waiting_worker_is_notified_of_queued_jobs,
            failed_job_is_retried,
            job_that_failed_its_last_attempt_is_kept,
            job_with_nothing_to_do_is_deleted,
            released_attempt_is_not_counted,
            many_outcomes_are_written_at_once,
            worker_that_lost_its_lease_cannot_settle,
            renewed_lease_is_not_lost,
            job_whose_last_attempt_lost_its_worker_is_dead,
            jobs_of_unknown_kinds_are_not_rescued,
            job_is_rescued_once,
            waiting_job_is_cancelled,
            running_job_is_cancelled_and_its_worker_cannot_settle,
            ended_job_cannot_be_cancelled,
            dead_job_is_retried_with_all_its_attempts,
            retried_scheduled_job_is_due_at_once,
            dead_job_whose_unique_key_is_taken_is_not_retried,
            jobs_are_listed_by_status_and_kind,
            places_and_pages_of_jobs_agree,
            jobs_are_counted,
            old_jobs_are_pruned,
            schedule_fires_once_per_tick,
            schedule_does_not_fire_before_its_time,
            changed_schedule_gets_a_new_time,
        }
    };
}

/// A lease that outlasts any test.
const LEASE: Duration = Duration::from_mins(1);

/// A lease that expires almost at once.
const SHORT: Duration = Duration::from_millis(1);

async fn queue(h: &impl Stores, jobs: &[NewJob]) -> Vec<JobId> {
    h.jobs().enqueue(jobs).await.unwrap()
}

async fn claim_for(h: &impl Stores, kind: &str, most: u32, lease: Duration) -> Vec<Claimed> {
    let claim = Claim { kinds: vec![(job_kind(kind), most)], lease };
    h.jobs().claim(&claim).await.unwrap()
}

async fn claim(h: &impl Stores, kind: &str, most: u32) -> Vec<Claimed> {
    claim_for(h, kind, most, LEASE).await
}

/// Claims the only job of a kind.
async fn claim_one(h: &impl Stores, kind: &str) -> Claimed {
    let mut claimed = claim(h, kind, 10).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

async fn settle(h: &impl Stores, job: &Claimed, outcome: Outcome) -> bool {
    let settled = h.jobs().settle(&[Settlement { lease: job.lease, outcome }]).await.unwrap();
    assert!(settled.is_empty() || settled == [job.lease.job]);
    !settled.is_empty()
}

fn dead() -> Outcome {
    Outcome::Dead { error: ErrorText::new("no way") }
}

fn at_once_again() -> Outcome {
    Outcome::Retry { after: Duration::ZERO, error: ErrorText::new("not now") }
}

async fn find(h: &impl Stores, n: u128) -> Job {
    h.job_list().find(job_id(n)).await.unwrap().unwrap()
}

async fn status(h: &impl Stores, n: u128) -> JobStatus {
    find(h, n).await.status
}

/// Rescues until the lease, which is about to expire, has expired.
async fn rescue(queue: &dyn JobQueue, kind: &str) -> u32 {
    for _ in 0..10_000 {
        let rescued = queue.rescue(&[job_kind(kind)]).await.unwrap();
        if rescued > 0 {
            return rescued;
        }
    }
    panic!("no lease ran out");
}
