//! Expired leases.

use entrepot_domain::job::{JobStatus, NewJob, Outcome};
use entrepot_testkit::{job, job_kind};

use super::{LEASE, SHORT, claim, claim_for, claim_one, find, queue, rescue, settle, status};
use crate::{Stores, at_once};

pub async fn worker_that_lost_its_lease_cannot_settle(h: &impl Stores) {
    queue(h, &[job(1, "a")]).await;
    let slow = claim_for(h, "a", 1, SHORT).await.remove(0);
    assert_eq!(rescue(&*h.jobs(), "a").await, 1);
    assert!(!settle(h, &slow, Outcome::Succeeded).await, "nobody has it yet");
    let waiting = find(h, 1).await;
    assert_eq!((waiting.status, waiting.attempt), (JobStatus::Ready, 1));
    assert!(waiting.last_error.unwrap().as_str().starts_with("the lease ran out"));

    let fast = claim_one(h, "a").await;
    assert_eq!(fast.attempt, 2);
    assert!(!settle(h, &slow, Outcome::Succeeded).await, "another one has it");
    assert_eq!(h.jobs().renew(&[slow.lease, fast.lease], LEASE).await.unwrap(), [fast.lease]);
    assert_eq!(status(h, 1).await, JobStatus::Running);
    assert!(settle(h, &fast, Outcome::Succeeded).await);
    assert_eq!(h.jobs().renew(&[fast.lease], LEASE).await.unwrap(), []);
}

/// An expired lease is held until it is revoked.
pub async fn renewed_lease_is_not_lost(h: &impl Stores) {
    queue(h, &[job(1, "a"), job(2, "a")]).await;
    let claimed = claim_for(h, "a", 2, SHORT).await;
    let (kept, left) = (claimed[0].lease, claimed[1].lease);
    assert_eq!(h.jobs().renew(&[kept], LEASE).await.unwrap(), [kept]);
    assert_eq!(rescue(&*h.jobs(), "a").await, 1);
    assert_eq!(h.jobs().renew(&[left, kept], LEASE).await.unwrap(), [kept]);
    assert!(settle(h, &claimed[0], Outcome::Succeeded).await);
    assert!(!settle(h, &claimed[1], Outcome::Succeeded).await);
}

pub async fn job_whose_last_attempt_lost_its_worker_is_dead(h: &impl Stores) {
    queue(h, &[NewJob { max_attempts: 1, ..job(1, "a") }]).await;
    claim_for(h, "a", 1, SHORT).await;
    assert_eq!(rescue(&*h.jobs(), "a").await, 1);
    let job = find(h, 1).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Dead, 1));
    assert!(job.last_error.unwrap().as_str().starts_with("the lease ran out"));
}

/// They may belong to a newer program that is about to restart.
pub async fn jobs_of_unknown_kinds_are_not_rescued(h: &impl Stores) {
    queue(h, &[job(1, "a"), job(2, "b")]).await;
    for kind in ["a", "b"] {
        claim_for(h, kind, 1, SHORT).await;
    }
    assert_eq!(rescue(&*h.jobs(), "b").await, 1);
    assert_eq!(h.jobs().rescue(&[job_kind("b"), job_kind("c")]).await.unwrap(), 0);
    assert_eq!((status(h, 1).await, status(h, 2).await), (JobStatus::Running, JobStatus::Ready));
    assert!(claim(h, "a", 1).await.is_empty());
}

/// Also with concurrent rescues.
pub async fn job_is_rescued_once(h: &impl Stores) {
    let jobs: Vec<_> = (1..=20).map(|n| job(n, "a")).collect();
    queue(h, &jobs).await;
    claim_for(h, "a", 20, SHORT).await;
    let rescuers = (0..4).map(|_| {
        let store = h.jobs();
        async move {
            let mut rescued = 0;
            for _ in 0..50 {
                rescued += store.rescue(&[job_kind("a")]).await.unwrap();
            }
            rescued
        }
    });
    assert_eq!(at_once(rescuers).await.into_iter().sum::<u32>(), 20);
    assert_eq!(claim(h, "a", 30).await.len(), 20);
}
