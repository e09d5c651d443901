//! What every [`JobQueue`](entrepot_domain::job::JobQueue) and every
//! [`JobRepository`](entrepot_domain::job::JobRepository) promises.
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

/// Makes a test of each case: `entrepot_contract::job_suite!(harness())`.
#[macro_export]
macro_rules! job_suite {
    ($harness:expr) => {
        $crate::suite! { job, $harness,
            a_job_is_claimed_and_done,
            each_job_is_claimed_once,
            the_greater_priority_is_first_and_then_the_oldest,
            a_job_waits_for_its_time,
            only_what_was_asked_for_is_claimed,
            the_same_job_is_not_queued_twice,
            the_same_job_is_queued_once_by_many,
            whoever_waits_is_told_of_jobs,
            a_failed_job_is_tried_again,
            a_job_that_failed_for_the_last_time_is_kept,
            a_job_with_nothing_to_do_leaves_no_trace,
            a_released_job_was_not_begun,
            many_outcomes_are_written_at_once,
            whose_lease_was_lost_can_write_nothing,
            a_renewed_lease_is_not_lost,
            a_job_whose_worker_was_lost_for_the_last_time_is_dead,
            jobs_of_unknown_kinds_are_not_rescued,
            a_job_is_rescued_once,
            a_job_that_waits_is_cancelled,
            a_job_that_runs_is_cancelled_and_its_worker_writes_nothing,
            what_is_over_cannot_be_cancelled,
            a_dead_job_is_retried_with_all_its_attempts,
            a_scheduled_job_is_hurried,
            a_dead_job_whose_key_is_taken_is_not_retried,
            jobs_are_listed_by_status_and_kind,
            places_and_pages_of_jobs_agree,
            jobs_are_counted,
            old_jobs_are_pruned,
            a_schedule_fires_once_a_tick,
            a_schedule_does_not_fire_before_its_time,
            a_changed_schedule_gets_another_time,
        }
    };
}

/// Longer than a test.
const LEASE: Duration = Duration::from_mins(1);

/// Over when somebody looks.
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

/// The one job of a kind.
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

/// Takes back leases until there was one, which ran out a moment ago.
async fn rescue(queue: &dyn JobQueue, kind: &str) -> u32 {
    for _ in 0..10_000 {
        let rescued = queue.rescue(&[job_kind(kind)]).await.unwrap();
        if rescued > 0 {
            return rescued;
        }
    }
    panic!("no lease ran out");
}
