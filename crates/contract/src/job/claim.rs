//! Queuing, claiming and ending jobs.

use std::{collections::BTreeSet, time::Duration};

use entrepot_domain::job::{Claim, JobStatus, NewJob, Outcome, Priority, Settlement, TraceParent};
use entrepot_testkit::{job, job_id, job_kind, unique_job};

use super::{LEASE, at_once_again, claim, claim_one, dead, find, queue, settle, status};
use crate::{Stores, at_once};

pub async fn claimed_job_is_completed(h: &impl Stores) {
    let trace = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
    let new = NewJob { trace: Some(trace), ..job(1, "a") };
    assert_eq!(queue(h, std::slice::from_ref(&new)).await, [job_id(1)]);
    let waiting = find(h, 1).await;
    assert_eq!((waiting.status, waiting.attempt, waiting.started_at), (JobStatus::Ready, 0, None));
    assert_eq!(waiting.run_at, waiting.created_at);

    let claimed = claim_one(h, "a").await;
    assert_eq!((&claimed.payload, &claimed.trace), (&new.payload, &new.trace));
    assert_eq!((claimed.lease.job, claimed.attempt, claimed.max_attempts), (job_id(1), 1, 3));
    let running = find(h, 1).await;
    assert_eq!((running.status, running.attempt, running.finished_at), (JobStatus::Running, 1, None));
    assert!(running.started_at >= Some(running.created_at));
    assert!(claim(h, "a", 10).await.is_empty(), "a worker has it");

    assert!(settle(h, &claimed, Outcome::Succeeded).await);
    let done = find(h, 1).await;
    assert_eq!((done.status, done.last_error.clone()), (JobStatus::Succeeded, None));
    assert!(done.finished_at >= done.started_at);
    assert_eq!(done.created_at, waiting.created_at);
    assert!(!settle(h, &claimed, dead()).await, "it is over");
    assert!(claim(h, "a", 10).await.is_empty(), "it is over");
}

/// Also with many concurrent workers and batches of different sizes.
pub async fn each_job_is_claimed_once(h: &impl Stores) {
    let jobs: Vec<_> = (1..=200).map(|n| job(n, "a")).collect();
    queue(h, &jobs).await;
    let workers = (1..=8).map(|most| {
        let store = h.jobs();
        async move {
            let claim = Claim { kinds: vec![(job_kind("a"), most)], lease: LEASE };
            let mut mine = Vec::new();
            for _ in 0..200 {
                mine.extend(store.claim(&claim).await.unwrap().into_iter().map(|claimed| claimed.lease.job));
            }
            mine
        }
    });
    let claimed: Vec<_> = at_once(workers).await.concat();
    assert_eq!(claimed.len(), 200);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), 200);
}

pub async fn jobs_are_claimed_by_priority_then_by_due_time(h: &impl Stores) {
    let at = |n, priority| NewJob { priority: Priority(priority), ..job(n, "a") };
    for new in [at(1, 0), at(2, -5), at(3, 7), at(4, 0), at(5, 7)] {
        queue(h, &[new]).await;
    }
    let mut order = Vec::new();
    for most in [2, 10] {
        order.extend(claim(h, "a", most).await.into_iter().map(|claimed| claimed.lease.job));
    }
    assert_eq!(order, [3, 5, 1, 4, 2].map(job_id));
}

pub async fn job_waits_until_its_run_time(h: &impl Stores) {
    let after = |n, delay| NewJob { delay, ..job(n, "a") };
    queue(h, &[after(1, Duration::from_hours(1)), after(2, Duration::from_millis(30))]).await;
    let waiting = find(h, 1).await;
    assert_eq!(waiting.status, JobStatus::Scheduled);
    assert_eq!(waiting.run_at, waiting.created_at + chrono::TimeDelta::hours(1));
    let mut claimed = Vec::new();
    while claimed.is_empty() {
        claimed = claim(h, "a", 10).await;
    }
    let only: Vec<_> = claimed.iter().map(|claimed| claimed.lease.job).collect();
    assert_eq!(only, [job_id(2)]);
    let started = find(h, 2).await;
    assert!(started.started_at >= Some(started.run_at));
}

pub async fn only_requested_kinds_are_claimed(h: &impl Stores) {
    let jobs: Vec<_> = (1..=3).map(|n| job(n, "a")).chain((4..=6).map(|n| job(n, "b"))).collect();
    queue(h, &jobs).await;
    queue(h, &[job(7, "c")]).await;
    let kinds = vec![(job_kind("a"), 2), (job_kind("b"), 5), (job_kind("d"), 5)];
    let claimed = h.jobs().claim(&Claim { kinds, lease: LEASE }).await.unwrap();
    let count = |kind: &str| claimed.iter().filter(|claimed| claimed.kind == job_kind(kind)).count();
    assert_eq!((count("a"), count("b"), claimed.len()), (2, 3, 5));
    assert!(h.jobs().claim(&Claim { kinds: vec![], lease: LEASE }).await.unwrap().is_empty());
}

pub async fn unique_job_is_not_queued_twice(h: &impl Stores) {
    let same = |n| unique_job(n, "a", "order-7");
    assert_eq!(queue(h, &[same(1), same(2), job(3, "a"), unique_job(4, "b", "order-7")]).await, [1, 3, 4].map(job_id));
    assert_eq!(h.job_list().find(job_id(2)).await.unwrap(), None);
    assert!(queue(h, &[same(5)]).await.is_empty(), "it waits");
    let claimed = claim(h, "a", 1).await.remove(0);
    assert!(queue(h, &[same(6)]).await.is_empty(), "it runs");
    assert!(settle(h, &claimed, Outcome::Succeeded).await);
    assert_eq!(queue(h, &[same(7)]).await, [job_id(7)], "it is over");
}

pub async fn unique_job_is_queued_once_by_concurrent_callers(h: &impl Stores) {
    let tries = (1..=10).map(|n| {
        let store = h.jobs();
        async move { store.enqueue(&[unique_job(n, "a", "once")]).await.unwrap().len() }
    });
    assert_eq!(at_once(tries).await.into_iter().sum::<usize>(), 1);
}

pub async fn waiting_worker_is_notified_of_queued_jobs(h: &impl Stores) {
    let store = h.jobs();
    let waiting = tokio::spawn(async move { store.queued().await });
    queue(h, &[job(1, "a")]).await;
    waiting.await.unwrap();
}

pub async fn failed_job_is_retried(h: &impl Stores) {
    queue(h, &[job(1, "a")]).await;
    let first = claim_one(h, "a").await;
    assert!(settle(h, &first, at_once_again()).await);
    let waiting = find(h, 1).await;
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Ready, 1));
    assert_eq!(waiting.last_error.unwrap().as_str(), "not now");
    let second = claim_one(h, "a").await;
    assert_eq!((second.attempt, &second.payload), (2, &first.payload));
    assert!(second.lease.fence > first.lease.fence);
    let later = Outcome::Retry { after: Duration::from_hours(1), error: entrepot_domain::job::ErrorText::new("later") };
    assert!(settle(h, &second, later).await);
    assert_eq!(status(h, 1).await, JobStatus::Scheduled);
    assert!(claim(h, "a", 10).await.is_empty());
}

pub async fn job_that_failed_its_last_attempt_is_kept(h: &impl Stores) {
    queue(h, &[job(1, "a")]).await;
    let claimed = claim_one(h, "a").await;
    assert!(settle(h, &claimed, dead()).await);
    let job = find(h, 1).await;
    assert_eq!((job.status, job.last_error.unwrap().as_str()), (JobStatus::Dead, "no way"));
    assert!(job.finished_at.is_some());
    assert!(claim(h, "a", 10).await.is_empty());
}

pub async fn job_with_nothing_to_do_is_deleted(h: &impl Stores) {
    queue(h, &[unique_job(1, "a", "k")]).await;
    let claimed = claim_one(h, "a").await;
    assert!(settle(h, &claimed, Outcome::Nothing).await);
    assert_eq!(h.job_list().find(job_id(1)).await.unwrap(), None);
    assert_eq!(queue(h, &[unique_job(2, "a", "k")]).await, [job_id(2)]);
}

pub async fn released_attempt_is_not_counted(h: &impl Stores) {
    queue(h, &[job(1, "a")]).await;
    let run_at = find(h, 1).await.run_at;
    let claimed = claim_one(h, "a").await;
    assert!(settle(h, &claimed, Outcome::Released).await);
    let job = find(h, 1).await;
    assert_eq!((job.status, job.attempt, job.run_at), (JobStatus::Ready, 0, run_at));
    let again = claim_one(h, "a").await;
    assert_eq!(again.attempt, 1);
    assert!(again.lease.fence > claimed.lease.fence);
    assert!(!settle(h, &claimed, Outcome::Succeeded).await);
}

/// Each settlement succeeds or fails on its own.
pub async fn many_outcomes_are_written_at_once(h: &impl Stores) {
    let jobs: Vec<_> = (1..=5).map(|n| job(n, "a")).collect();
    queue(h, &jobs).await;
    let claimed = claim(h, "a", 5).await;
    let outcomes = [Outcome::Succeeded, dead(), at_once_again(), Outcome::Nothing, Outcome::Released];
    let mut settlements: Vec<_> =
        claimed.iter().zip(outcomes).map(|(job, outcome)| Settlement { lease: job.lease, outcome }).collect();
    settlements[4].lease.fence += 1;
    let settled: BTreeSet<_> = h.jobs().settle(&settlements).await.unwrap().into_iter().collect();
    assert_eq!(settled, (1..=4).map(job_id).collect());
    let statuses = [status(h, 1).await, status(h, 2).await, status(h, 3).await, status(h, 5).await];
    assert_eq!(statuses, [JobStatus::Succeeded, JobStatus::Dead, JobStatus::Ready, JobStatus::Running]);
    assert_eq!(h.jobs().settle(&[]).await.unwrap(), []);
}
