//! The operations of admins.

use std::time::Duration;

use entrepot_domain::{
    Direction, Sort, Window,
    job::{Backlog, JobError, JobFilter, JobOver, JobQuery, JobSort, JobStatus, JobSummary, NewJob, Outcome},
};
use entrepot_testkit::{job, job_id, job_kind, unique_job};

use super::{claim, claim_one, dead, find, queue, settle, status};
use crate::{
    Stores,
    walk::{assert_walks_agree, page, single_sorts},
};

/// Jobs 1 to 12, two of each status, the odd ones of kind `a` and the even ones of kind `b`.
async fn some_of_each(h: &impl Stores) {
    for (first, outcome) in [(1, Some(Outcome::Succeeded)), (3, Some(dead())), (5, None)] {
        queue(h, &[job(first, "a"), job(first + 1, "b")]).await;
        for kind in ["a", "b"] {
            let claimed = claim_one(h, kind).await;
            if let Some(outcome) = outcome.clone() {
                assert!(settle(h, &claimed, outcome).await);
            }
        }
    }
    for (first, delay) in [(7, Duration::from_hours(1)), (9, Duration::ZERO), (11, Duration::ZERO)] {
        queue(h, &[NewJob { delay, ..job(first, "a") }, NewJob { delay, ..job(first + 1, "b") }]).await;
    }
    for n in [11, 12] {
        h.job_list().cancel(job_id(n)).await.unwrap();
    }
}

pub async fn waiting_job_is_cancelled(h: &impl Stores) {
    queue(h, &[job(1, "a"), NewJob { delay: Duration::from_hours(1), ..unique_job(2, "a", "k") }]).await;
    for n in [1, 2] {
        h.job_list().cancel(job_id(n)).await.unwrap();
        let job = find(h, n).await;
        assert_eq!((job.status, job.attempt, job.started_at), (JobStatus::Cancelled, 0, None));
        assert!(job.finished_at.is_some());
    }
    assert!(claim(h, "a", 10).await.is_empty());
    assert_eq!(queue(h, &[unique_job(3, "a", "k")]).await, [job_id(3)], "its key is free");
}

pub async fn running_job_is_cancelled_and_its_worker_cannot_settle(h: &impl Stores) {
    queue(h, &[job(1, "a")]).await;
    let claimed = claim_one(h, "a").await;
    h.job_list().cancel(job_id(1)).await.unwrap();
    assert_eq!(h.jobs().renew(&[claimed.lease], super::LEASE).await.unwrap(), []);
    assert!(!settle(h, &claimed, Outcome::Succeeded).await);
    assert_eq!(status(h, 1).await, JobStatus::Cancelled);
}

pub async fn ended_job_cannot_be_cancelled(h: &impl Stores) {
    some_of_each(h).await;
    let over = |error| match error {
        JobError::Over(JobOver(status)) => status,
        other => panic!("{other}"),
    };
    for (n, status) in [(1, JobStatus::Succeeded), (3, JobStatus::Dead), (11, JobStatus::Cancelled)] {
        assert_eq!(over(h.job_list().cancel(job_id(n)).await.unwrap_err()), status);
        assert_eq!(super::status(h, n).await, status);
    }
    for (n, status) in [(1, JobStatus::Succeeded), (11, JobStatus::Cancelled)] {
        assert_eq!(over(h.job_list().retry(job_id(n)).await.unwrap_err()), status);
    }
    assert!(matches!(h.job_list().cancel(job_id(99)).await, Err(JobError::NotFound)));
    assert!(matches!(h.job_list().retry(job_id(99)).await, Err(JobError::NotFound)));
}

pub async fn dead_job_is_retried_with_all_its_attempts(h: &impl Stores) {
    queue(h, &[NewJob { max_attempts: 1, ..job(1, "a") }]).await;
    let first = claim_one(h, "a").await;
    assert!(settle(h, &first, dead()).await);
    h.job_list().retry(job_id(1)).await.unwrap();
    let waiting = find(h, 1).await;
    assert_eq!((waiting.status, waiting.attempt, waiting.finished_at), (JobStatus::Ready, 0, None));
    let again = claim_one(h, "a").await;
    assert_eq!((again.attempt, &again.payload), (1, &first.payload));
    assert!(again.lease.fence > first.lease.fence, "who had it before must not write");
    h.job_list().retry(job_id(1)).await.unwrap();
    assert_eq!(status(h, 1).await, JobStatus::Running, "one that runs is left alone");
}

pub async fn retried_scheduled_job_is_due_at_once(h: &impl Stores) {
    queue(h, &[NewJob { delay: Duration::from_hours(1), ..job(1, "a") }]).await;
    h.job_list().retry(job_id(1)).await.unwrap();
    assert_eq!(status(h, 1).await, JobStatus::Ready);
    assert_eq!(claim_one(h, "a").await.attempt, 1);
}

pub async fn dead_job_whose_unique_key_is_taken_is_not_retried(h: &impl Stores) {
    queue(h, &[unique_job(1, "a", "k")]).await;
    let claimed = claim_one(h, "a").await;
    assert!(settle(h, &claimed, dead()).await);
    queue(h, &[unique_job(2, "a", "k")]).await;
    assert!(matches!(h.job_list().retry(job_id(1)).await, Err(JobError::Queued)));
    assert_eq!(status(h, 1).await, JobStatus::Dead);
}

fn query(filter: JobFilter, window: Window) -> JobQuery {
    JobQuery { filter, sort: Sort::by(JobSort::CreatedAt, Direction::Descending), window }
}

pub async fn jobs_are_listed_by_status_and_kind(h: &impl Stores) {
    some_of_each(h).await;
    let list = async |status, kind: Option<&str>| {
        let filter = JobFilter { status, kind: kind.map(job_kind) };
        let listing = h.job_list().list(&query(filter, page(1, 50))).await.unwrap();
        let mut ids: Vec<_> = listing.items.iter().map(|job| job.id).collect();
        ids.sort_unstable();
        assert_eq!(listing.total, Some(u64::try_from(ids.len()).unwrap()));
        ids
    };
    let expected = [
        (JobStatus::Succeeded, 1),
        (JobStatus::Dead, 3),
        (JobStatus::Running, 5),
        (JobStatus::Scheduled, 7),
        (JobStatus::Ready, 9),
        (JobStatus::Cancelled, 11),
    ];
    for (status, first) in expected {
        assert_eq!(list(Some(status), None).await, [first, first + 1].map(job_id), "{status}");
        assert_eq!(list(Some(status), Some("b")).await, [job_id(first + 1)], "{status}");
        assert_eq!(super::status(h, first).await, status);
    }
    assert_eq!(list(None, Some("a")).await.len(), 6);
    assert_eq!(list(None, None).await.len(), 12);
    assert_eq!(list(None, Some("c")).await, []);
}

pub async fn places_and_pages_of_jobs_agree(h: &impl Stores) {
    some_of_each(h).await;
    let of_kind = JobFilter { status: None, kind: Some(job_kind("a")) };
    for (filter, count) in [(JobFilter::default(), 12), (of_kind, 6)] {
        for sort in single_sorts::<JobSort>() {
            assert_walks_agree::<JobSort>(&sort, count, async |window| {
                let query = JobQuery { filter: filter.clone(), sort: sort.clone(), window };
                h.job_list().list(&query).await.unwrap()
            })
            .await;
        }
    }
}

pub async fn jobs_are_counted(h: &impl Stores) {
    assert_eq!(h.job_list().summary().await.unwrap(), JobSummary::default());
    assert_eq!(h.jobs().backlog().await.unwrap(), []);
    some_of_each(h).await;
    queue(h, &[job(13, "b")]).await;
    let summary = h.job_list().summary().await.unwrap();
    let mut expected: Vec<_> =
        ["a", "b"].into_iter().flat_map(|kind| JobStatus::ALL.map(|status| (job_kind(kind), status, 1))).collect();
    expected
        .iter_mut()
        .filter(|(kind, status, _)| *kind == job_kind("b") && *status == JobStatus::Ready)
        .for_each(|one| one.2 = 2);
    assert_eq!(summary.counts, expected);
    assert_eq!(summary.oldest_ready_at, Some(find(h, 9).await.run_at));
    let backlog = h.jobs().backlog().await.unwrap();
    let counts: Vec<_> =
        backlog.iter().map(|Backlog { kind, ready, running, .. }| (kind.as_str(), *ready, *running)).collect();
    assert_eq!(counts, [("a", 1, 1), ("b", 2, 1)]);
    assert!(backlog.iter().all(|backlog| backlog.oldest < Duration::from_mins(5)));
}

pub async fn old_jobs_are_pruned(h: &impl Stores) {
    some_of_each(h).await;
    assert_eq!(h.jobs().prune(Duration::from_hours(1), 100).await.unwrap(), 0);
    let mut pruned = Vec::new();
    while pruned.iter().sum::<u32>() < 6 {
        pruned.extend(Some(h.jobs().prune(Duration::ZERO, 4).await.unwrap()).filter(|count| *count > 0));
    }
    assert!(pruned.iter().all(|count| *count <= 4) && pruned.iter().sum::<u32>() == 6, "{pruned:?}");
    assert_eq!(h.jobs().prune(Duration::ZERO, 4).await.unwrap(), 0, "what is not over stays");
    let left = h.job_list().list(&query(JobFilter::default(), page(1, 50))).await.unwrap();
    assert_eq!(left.items.len(), 6);
}
