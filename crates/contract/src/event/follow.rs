//! Reading and following the log.

use std::time::Duration;

use entrepot_domain::event::{EventId, EventKind, EventKinds, EventPosition, EventQuery, Located};
use entrepot_testkit::{at, placement, product, product_id, stock_change};
use futures_util::FutureExt;

use super::{all, insert, number, place, query};
use crate::{Stores, at_once, user};

/// A record of many events is cut where a part ends.
pub async fn events_are_read_in_parts(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    let lines: Vec<_> = (1..=30).map(|n| (n, 1)).collect();
    for (n, _) in &lines {
        insert(h, product(*n).build()).await;
    }
    for n in 1..=5 {
        place(h, &placement(n, ada, &lines, at(1))).await;
    }
    let whole = all(h).await;
    assert_eq!(whole.len(), 1 + 30 + 5 * 31);
    for limit in [1, 7, 64, 1_000] {
        let (mut parts, mut after) = (Vec::new(), EventPosition::START);
        loop {
            let part = h.events().read(&query(after, limit)).await.unwrap();
            assert!(part.len() <= usize::try_from(limit).unwrap());
            let Some(last) = part.last() else { break };
            after = last.id.position;
            parts.extend(part);
        }
        assert_eq!(parts, whole, "{limit}");
    }
    assert_eq!(h.events().head().await.unwrap(), EventPosition::after_record(whole.last().unwrap().id.position.record));
    assert_eq!(h.events().read(&query(h.events().head().await.unwrap(), 10)).await.unwrap(), []);
}

pub async fn events_are_read_by_kind(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    insert(h, product(1).build()).await;
    for n in 1..=70 {
        h.products().adjust_stock(product_id(1), &stock_change(1, at(n)), None).await.unwrap();
    }
    place(h, &placement(1, ada, &[(1, 1)], at(1))).await;
    let whole = all(h).await;
    let sets: [&[EventKind]; 4] = [
        &[EventKind::OrderCreated],
        &[EventKind::UserRegistered, EventKind::ProductCreated],
        &[EventKind::StockChanged],
        &[EventKind::UserDeleted],
    ];
    for kinds in sets {
        let kinds: EventKinds = kinds.iter().copied().collect();
        let expected: Vec<_> = whole.iter().filter(|event| kinds.contains(event.data.kind())).cloned().collect();
        let asked = EventQuery { after: EventPosition::START, kinds, limit: 1_000 };
        assert_eq!(h.events().read(&asked).await.unwrap(), expected);
        let first = EventQuery { limit: 1, ..asked };
        assert_eq!(h.events().read(&first).await.unwrap(), expected[..expected.len().min(1)]);
    }
}

/// Those of another log, and made up ones, are unknown.
pub async fn identifiers_are_located(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    insert(h, product(1).build()).await;
    place(h, &placement(1, ada, &[(1, 1)], at(1))).await;
    let ids: Vec<_> = all(h).await.iter().map(|event| event.id).collect();
    for id in &ids {
        assert_eq!(h.events().locate(*id).await.unwrap(), Located::Kept);
    }
    let last = *ids.last().unwrap();
    let at = |record, index| EventId { position: EventPosition { record, index }, ..last };
    for unknown in [
        EventId { nonce: last.nonce ^ 1, ..last },
        at(last.position.record, last.position.index + 1),
        at(last.position.record + 1, 0),
        at(i64::MAX, 0),
        at(0, 0),
    ] {
        assert_eq!(h.events().locate(unknown).await.unwrap(), Located::Unknown, "{unknown}");
    }
}

/// While it follows, many write.
pub async fn follower_misses_nothing_and_sees_nothing_twice(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    for n in 1..=8 {
        insert(h, product(n).stock(10_000).build()).await;
    }
    let writers = (0..8).map(|writer| {
        let (orders, products) = (h.orders(), h.products());
        async move {
            for n in 1..=10 {
                let wanted = placement(writer * 100 + n, ada, &[(1 + writer, 1), (1 + n % 8, 1)], at(1));
                orders.place(&wanted).await.unwrap();
                let product = product_id(1 + (writer + n) % 8);
                products.adjust_stock(product, &stock_change(1, at(1)), None).await.unwrap();
            }
        }
    });
    let writing = tokio::spawn(at_once(writers.collect::<Vec<_>>()));
    let (log, mut seen, mut after) = (h.events(), Vec::new(), EventPosition::START);
    loop {
        let is_over = writing.is_finished();
        let is_numbered = log.number().await.unwrap().is_none();
        let part = log.read(&query(after, 50)).await.unwrap();
        match part.last() {
            Some(last) => after = last.id.position,
            None if is_over && is_numbered => break,
            None => {}
        }
        seen.extend(part);
    }
    writing.await.unwrap();
    assert_eq!(seen, all(h).await);
    let count = |kind| seen.iter().filter(|event| event.data.kind() == kind).count();
    assert_eq!((count(EventKind::OrderCreated), count(EventKind::ProductCreated)), (80, 8));
}

pub async fn many_may_number_at_once(h: &impl Stores) {
    insert(h, product(1).build()).await;
    let tasks = (0..8).map(|_| {
        let (products, log) = (h.products(), h.events());
        async move {
            for _ in 0..10 {
                products.adjust_stock(product_id(1), &stock_change(1, at(1)), None).await.unwrap();
                log.number().await.unwrap();
            }
        }
    });
    at_once(tasks).await;
    let events = all(h).await;
    assert_eq!(events.len(), 81);
    let records: Vec<_> = events.iter().map(|event| event.id.position.record).collect();
    assert!(records.is_sorted_by(|one, other| one < other), "{records:?}");
}

/// The oldest first, some at a time.
pub async fn old_events_are_pruned_and_expire(h: &impl Stores) {
    insert(h, product(1).build()).await;
    for n in 1..=6 {
        h.products().adjust_stock(product_id(1), &stock_change(1, at(n)), None).await.unwrap();
    }
    let (log, ids) = (h.events(), all(h).await.iter().map(|event| event.id).collect::<Vec<_>>());
    assert_eq!(log.prune(Duration::from_hours(1), 100).await.unwrap(), 0);
    assert_eq!(all(h).await.len(), 7);
    let head = log.head().await.unwrap();
    // Old is what was numbered before this moment.
    while log.prune(Duration::ZERO, 4).await.unwrap() != 4 {}
    let left: Vec<_> = all(h).await.iter().map(|event| event.id).collect();
    assert_eq!(left, ids[4..]);
    assert_eq!(log.locate(ids[3]).await.unwrap(), Located::Expired);
    assert_eq!(log.locate(ids[4]).await.unwrap(), Located::Kept);
    while log.prune(Duration::ZERO, 4).await.unwrap() > 0 {}
    assert_eq!((all(h).await, log.head().await.unwrap()), (Vec::new(), head));
    assert_eq!(log.locate(ids[6]).await.unwrap(), Located::Expired);
    h.products().adjust_stock(product_id(1), &stock_change(1, at(9)), None).await.unwrap();
    assert!(all(h).await[0].id > ids[6], "a number is not given twice");
}

pub async fn waiting_reader_is_notified_of_events(h: &impl Stores) {
    let log = h.events();
    assert!(log.written().now_or_never().is_none(), "nothing was written yet");
    insert(h, product(1).build()).await;
    log.written().await;
    assert!(log.written().now_or_never().is_none(), "it was told");
    number(&*log).await;
    let waiting = tokio::spawn(async move { log.written().await });
    h.products().adjust_stock(product_id(1), &stock_change(1, at(1)), None).await.unwrap();
    waiting.await.unwrap();
}
