//! Schedules.

use chrono::TimeDelta;
use entrepot_domain::{
    Timestamp,
    job::{Schedules, Tick},
};
use entrepot_testkit::{job, job_kind};

use super::claim;
use crate::{Stores, at_once};

async fn known(h: &impl Stores) -> Schedules {
    h.jobs().schedules(&[job_kind("a"), job_kind("b")]).await.unwrap()
}

fn tick(n: u128, pattern: &str, due: Option<Timestamp>, next: Timestamp) -> Tick {
    Tick { name: job_kind("a"), pattern: pattern.to_owned(), due, next, job: job(n, "a") }
}

/// Also with concurrent workers.
pub async fn schedule_fires_once_per_tick(h: &impl Stores) {
    let Schedules { now, known: none } = known(h).await;
    assert_eq!(none, []);
    let first = now - TimeDelta::seconds(1);
    let firsts = (1..=4).map(|n| {
        let (store, tick) = (h.jobs(), tick(n, "* * * * *", None, first));
        async move { store.tick(&tick).await.unwrap() }
    });
    assert_eq!(at_once(firsts).await.into_iter().filter(|taken| *taken).count(), 1);
    assert_eq!(known(h).await.known, [(job_kind("a"), "* * * * *".to_owned(), first)]);
    assert!(claim(h, "a", 10).await.is_empty(), "it has no time before the first");

    let next = now + TimeDelta::minutes(1);
    let seconds = (11..=18).map(|n| {
        let (store, tick) = (h.jobs(), tick(n, "* * * * *", Some(first), next));
        async move { store.tick(&tick).await.unwrap() }
    });
    assert_eq!(at_once(seconds).await.into_iter().filter(|taken| *taken).count(), 1);
    assert_eq!(claim(h, "a", 10).await.len(), 1);
    assert_eq!(known(h).await.known, [(job_kind("a"), "* * * * *".to_owned(), next)]);
}

/// Independently of the worker's clock.
pub async fn schedule_does_not_fire_before_its_time(h: &impl Stores) {
    let now = known(h).await.now;
    let (due, next) = (now + TimeDelta::minutes(1), now + TimeDelta::minutes(2));
    assert!(h.jobs().tick(&tick(1, "p", None, due)).await.unwrap());
    assert!(!h.jobs().tick(&tick(2, "p", Some(due), next)).await.unwrap());
    assert!(!h.jobs().tick(&tick(3, "p", Some(next), next)).await.unwrap(), "a moment that is not its next");
    assert!(claim(h, "a", 10).await.is_empty());
}

pub async fn changed_schedule_gets_a_new_time(h: &impl Stores) {
    let now = known(h).await.now;
    let past = now - TimeDelta::minutes(1);
    assert!(h.jobs().tick(&tick(1, "old", None, past)).await.unwrap());
    assert!(!h.jobs().tick(&tick(2, "old", None, now)).await.unwrap(), "it is known");
    assert!(!h.jobs().tick(&tick(3, "new", Some(past), now)).await.unwrap(), "that is not its pattern");
    let next = now + TimeDelta::minutes(1);
    assert!(h.jobs().tick(&tick(4, "new", None, next)).await.unwrap());
    assert_eq!(known(h).await.known, [(job_kind("a"), "new".to_owned(), next)]);
    assert!(claim(h, "a", 10).await.is_empty());
}
