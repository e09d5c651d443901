//! Consumers of the log.

use entrepot_domain::{
    event::{Consumed, EventPosition},
    job::JobStatus,
};
use entrepot_testkit::{at, job, job_id, product, product_id, stock_change};

use super::{all, insert};
use crate::{Stores, at_once};

const CONSUMER: &str = "reader";

/// And is remembered.
pub async fn consumer_begins_at_the_head(h: &impl Stores) {
    let log = h.events();
    assert_eq!(log.consumed("first").await.unwrap(), EventPosition::after_record(0));
    insert(h, product(1).build()).await;
    let last = all(h).await[0].id.position;
    let begins = log.consumed(CONSUMER).await.unwrap();
    assert_eq!(begins, EventPosition::after_record(last.record));
    h.products().adjust_stock(product_id(1), &stock_change(1, at(1)), None).await.unwrap();
    assert_eq!(all(h).await.len(), 2);
    assert_eq!(log.consumed(CONSUMER).await.unwrap(), begins);
    assert_eq!(log.consumed("first").await.unwrap(), EventPosition::after_record(0));
}

/// However many try.
pub async fn consumed_events_queue_their_jobs_once(h: &impl Stores) {
    let from = h.events().consumed(CONSUMER).await.unwrap();
    insert(h, product(1).build()).await;
    let to = all(h).await[0].id.position;
    let consumed = Consumed { consumer: CONSUMER, from, to };
    let tries = (1..=6).map(|n| {
        let jobs = h.jobs();
        async move { jobs.enqueue_consumed(&consumed, &[job(n, "mail"), job(10 + n, "mail")]).await.unwrap() }
    });
    let first: Vec<_> = at_once(tries).await.into_iter().zip(1..).filter(|(is_first, _)| *is_first).collect();
    let [(_, n)] = first[..] else { panic!("{first:?}") };
    for job in [n, 10 + n] {
        assert_eq!(h.job_list().find(job_id(job)).await.unwrap().unwrap().status, JobStatus::Ready);
    }
    assert_eq!(h.job_list().summary().await.unwrap().counts.iter().map(|(.., count)| count).sum::<u64>(), 2);
    assert_eq!(h.events().consumed(CONSUMER).await.unwrap(), to);
    let none = Consumed { consumer: "unknown", from, to };
    assert!(!h.jobs().enqueue_consumed(&none, &[job(50, "mail")]).await.unwrap());
    assert_eq!(h.job_list().find(job_id(50)).await.unwrap(), None);
}
