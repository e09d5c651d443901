//! Live feeds and the event log.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use common::{admin, by_key, clock, customer, now, session_id, staff, user_id};
use entrepot_application::{
    Error,
    auth::AccessChecker,
    event::{
        Ending, EventPorts, EventService, EventWake, Feed, FeedFilter, FeedItem, FeedStart, LogQuery, ResetReason,
    },
};
use entrepot_domain::{
    Fault, Limit, OrderId, ProductId, Version,
    api_key::{MockApiKeyRepository, Scope},
    auth::{Access, Actor, Credential, MockSessionRepository},
    event::{Event, EventData, EventId, EventKind, EventKinds, EventLog, EventPosition, EventQuery, Located, Numbered},
    order::OrderStatus,
    product::Sku,
    user::{Role, Roles},
};
use futures_executor::block_on;
use futures_util::FutureExt;
use uuid::Uuid;

/// A log in memory, of which records are numbered when somebody asks for it.
#[derive(Default)]
struct Log {
    committed: Mutex<Vec<EventData>>,
    events: Mutex<Vec<Event>>,
    reads: AtomicUsize,
    is_away: Mutex<bool>,
}

fn id(record: i64) -> EventId {
    EventId { position: EventPosition { record, index: 0 }, nonce: 7 }
}

impl Log {
    fn write(&self, data: EventData) {
        self.committed.lock().unwrap().push(data);
    }
}

#[async_trait]
impl EventLog for Log {
    async fn read(&self, query: &EventQuery) -> Result<Vec<Event>, Fault> {
        if *self.is_away.lock().unwrap() {
            return Err(Fault::unavailable("log", std::io::Error::other("away")));
        }
        self.reads.fetch_add(1, Ordering::SeqCst);
        let events = self.events.lock().unwrap();
        let asked = events.iter().filter(|event| event.id.position > query.after);
        let asked = asked.filter(|event| query.kinds.contains(event.data.kind()));
        Ok(asked.take(usize::try_from(query.limit).unwrap()).cloned().collect())
    }

    async fn head(&self) -> Result<EventPosition, Fault> {
        Ok(EventPosition::after_record(self.events.lock().unwrap().len().try_into().unwrap()))
    }

    async fn locate(&self, id: EventId) -> Result<Located, Fault> {
        Ok(match id.position.record {
            record if record < 0 => Located::Expired,
            _ if self.events.lock().unwrap().iter().any(|event| event.id == id) => Located::Kept,
            _ => Located::Unknown,
        })
    }

    async fn number(&self) -> Result<Option<Numbered>, Fault> {
        let committed: Vec<_> = self.committed.lock().unwrap().drain(..).collect();
        let mut events = self.events.lock().unwrap();
        let has_any = !committed.is_empty();
        for data in committed {
            let record = i64::try_from(events.len()).unwrap() + 1;
            events.push(Event { id: id(record), at: now(), data });
        }
        let head = EventPosition::after_record(events.len().try_into().unwrap());
        Ok(has_any.then_some(Numbered { head, is_partial: false }))
    }

    async fn written(&self) {}

    async fn consumed(&self, _: &'static str) -> Result<EventPosition, Fault> {
        Ok(EventPosition::START)
    }

    async fn prune(&self, _: Duration, _: u32) -> Result<u32, Fault> {
        Ok(0)
    }
}

struct Shop {
    log: Arc<Log>,
    events: EventService,
    roles: Arc<Mutex<Option<Roles>>>,
}

impl Shop {
    fn new() -> Self {
        let log = Arc::new(Log::default());
        let roles = Arc::new(Mutex::new(Some(Roles::CUSTOMER)));
        let mut sessions = MockSessionRepository::new();
        let present = roles.clone();
        sessions.expect_access().returning(move |session, _| {
            let user = if session == session_id(500) { user_id(500) } else { user_id(1) };
            let staff = Roles::new([Role::Staff]).unwrap();
            let roles = *present.lock().unwrap();
            Ok(roles.map(|roles| Access { user, roles: if user == user_id(500) { staff } else { roles } }))
        });
        let access =
            AccessChecker { sessions: Arc::new(sessions), keys: Arc::new(MockApiKeyRepository::new()), clock: clock() };
        let ports = EventPorts { log: log.clone(), wake: EventWake::default(), signal: None, access: Arc::new(access) };
        Self { log, events: EventService::new(ports), roles }
    }

    fn try_follow(&self, actor: &Actor, filter: FeedFilter, start: FeedStart) -> Result<Feed, Error> {
        let credential = Credential::Session(actor.session().unwrap_or(session_id(9)));
        block_on(self.events.follow(actor, credential, &filter, start))
    }

    fn follow(&self, actor: &Actor, start: FeedStart) -> Feed {
        self.try_follow(actor, FeedFilter::default(), start).unwrap()
    }

    /// Numbers what was written, and hands it to the feeds.
    fn advance(&self) {
        block_on(self.log.number()).unwrap();
        block_on(self.events.advance()).unwrap();
    }

    fn reads(&self) -> usize {
        self.log.reads.load(Ordering::SeqCst)
    }
}

fn placed(order: u128, user: u128) -> EventData {
    EventData::OrderStatusChanged {
        order: OrderId(Uuid::from_u128(order)),
        user: user_id(user),
        from: OrderStatus::Pending,
        to: OrderStatus::Paid,
        version: Version(2),
    }
}

fn product() -> EventData {
    EventData::ProductCreated {
        product: ProductId(Uuid::from_u128(3)),
        sku: Sku::parse("MUG").unwrap(),
        version: Version::FIRST,
    }
}

/// The records of all events that there are now.
fn taken(feed: &mut Feed) -> Vec<i64> {
    let mut records = Vec::new();
    while let Some(item) = feed.next().now_or_never() {
        let FeedItem::Events(events) = item.unwrap() else { panic!("something else") };
        records.extend(events.iter().map(|event| event.event().id.position.record));
    }
    records
}

fn ended(feed: &mut Feed) -> Option<Ending> {
    match feed.next().now_or_never() {
        Some(Ok(FeedItem::Ended(ending))) => Some(ending),
        _ => None,
    }
}

#[test]
fn feed_begins_after_what_was_committed_before() {
    let shop = Shop::new();
    shop.log.write(product());
    let mut feed = shop.follow(&staff(), FeedStart::Now);
    shop.log.write(product());
    shop.advance();
    assert_eq!(taken(&mut feed), [2]);
}

#[test]
fn resumed_feed_joins_the_live_one_without_a_seam() {
    let shop = Shop::new();
    (0..1_000).for_each(|_| shop.log.write(product()));
    let mut first = shop.follow(&staff(), FeedStart::Now);
    (0..700).for_each(|_| shop.log.write(product()));
    shop.advance();
    let mut resumed = shop.follow(&staff(), FeedStart::After(id(10)));
    (0..5_000).for_each(|_| shop.log.write(product()));
    let some = match block_on(resumed.next()).unwrap() {
        FeedItem::Events(events) => i64::try_from(events.len()).unwrap(),
        other => panic!("{other:?}"),
    };
    shop.advance();
    assert!(taken(&mut resumed).into_iter().eq(11 + some..=6_700));
    assert!(taken(&mut first).into_iter().eq(1_001..=6_700), "the ring has lost some of them");
}

#[test]
fn one_read_serves_all_feeds() {
    let shop = Shop::new();
    let mut feeds: Vec<_> = (0..100).map(|_| shop.follow(&staff(), FeedStart::Now)).collect();
    shop.log.write(product());
    let before = shop.reads();
    shop.advance();
    let all: Vec<_> = feeds.iter_mut().map(taken).collect();
    assert!(all.iter().all(|taken| *taken == [1]));
    assert_eq!(shop.reads(), before + 1);
    drop(feeds);
    shop.advance();
    assert_eq!(shop.reads(), before + 1, "nobody follows");
}

#[test]
fn event_is_rendered_once_for_all_feeds() {
    let shop = Shop::new();
    let mut feeds = [shop.follow(&staff(), FeedStart::Now), shop.follow(&staff(), FeedStart::Now)];
    shop.log.write(product());
    shop.advance();
    let rendered = AtomicUsize::new(0);
    for feed in &mut feeds {
        let FeedItem::Events(events) = block_on(feed.next()).unwrap() else { panic!() };
        let text = events[0].rendered(|event| {
            rendered.fetch_add(1, Ordering::SeqCst);
            event.id.to_string()
        });
        assert_eq!(text, id(1).to_string());
        assert_eq!(events[0].rendered(|event| event.id), id(1), "another form");
    }
    assert_eq!(rendered.into_inner(), 1);
}

#[test]
fn customers_see_their_own_orders_and_are_not_woken_by_others() {
    let shop = Shop::new();
    let mut feed = shop.follow(&customer(1), FeedStart::Now);
    assert_eq!(taken(&mut feed), []);
    // Many more than the ring has.
    (0..9_000).for_each(|_| shop.log.write(placed(5, 2)));
    shop.advance();
    shop.log.write(product());
    shop.log.write(placed(4, 1));
    shop.log.write(placed(5, 2));
    let before = shop.reads();
    shop.advance();
    assert_eq!(taken(&mut feed), [9_002]);
    assert_eq!(shop.reads(), before + 1, "the feed needs nothing that the ring has lost");
}

#[test]
fn filters_narrow_what_an_actor_sees() {
    let shop = Shop::new();
    let order = Some(OrderId(Uuid::from_u128(4)));
    let follow =
        |actor: &Actor, kinds, order| shop.try_follow(actor, FeedFilter { kinds, order }, FeedStart::Now).unwrap();
    let products = [EventKind::ProductCreated].into_iter().collect();
    let mut of_products = follow(&staff(), products, None);
    let mut of_order = follow(&staff(), EventKinds::ALL, order);
    let mut hidden = follow(&customer(1), products, None);
    let mut of_another = follow(&customer(2), EventKinds::ALL, order);
    shop.log.write(product());
    shop.log.write(placed(4, 1));
    shop.log.write(placed(5, 1));
    shop.advance();
    assert_eq!((taken(&mut of_products), taken(&mut of_order)), (vec![1], vec![2]));
    assert_eq!((taken(&mut hidden), taken(&mut of_another)), (vec![], vec![]));
}

#[test]
fn feed_that_cannot_resume_begins_with_a_reset() {
    let shop = Shop::new();
    shop.log.write(product());
    for (start, expected) in [
        (FeedStart::After(id(-1)), ResetReason::Expired),
        (FeedStart::After(id(404)), ResetReason::Unknown),
        (FeedStart::parse("yesterday"), ResetReason::Unknown),
    ] {
        let mut feed = shop.follow(&staff(), start);
        let FeedItem::Reset(reason) = block_on(feed.next()).unwrap() else { panic!() };
        assert_eq!((reason, taken(&mut feed)), (expected, vec![]));
    }
    assert_eq!(FeedStart::parse(""), FeedStart::Now);
    assert_eq!(FeedStart::parse(&id(1).to_string()), FeedStart::After(id(1)));
}

#[test]
fn feeds_end_when_their_access_does() {
    let shop = Shop::new();
    let (mut hers, mut staffs) = (shop.follow(&customer(1), FeedStart::Now), shop.follow(&staff(), FeedStart::Now));
    block_on(shop.events.check_access());
    assert_eq!((ended(&mut hers), ended(&mut staffs)), (None, None));
    *shop.roles.lock().unwrap() = Some(Roles::new([Role::Staff]).unwrap());
    block_on(shop.events.check_access());
    assert_eq!((ended(&mut hers), ended(&mut staffs)), (Some(Ending::AccessLost), None));
    assert_eq!(hers.ending(), Some(Ending::AccessLost));
    *shop.roles.lock().unwrap() = None;
    block_on(shop.events.check_access());
    assert_eq!(ended(&mut staffs), Some(Ending::AccessLost));

    *shop.roles.lock().unwrap() = Some(Roles::CUSTOMER);
    let (mut again, mut other) = (shop.follow(&customer(1), FeedStart::Now), shop.follow(&staff(), FeedStart::Now));
    shop.events.end_feeds_of(user_id(1));
    assert_eq!((ended(&mut again), ended(&mut other)), (Some(Ending::AccessLost), None));
    shop.events.stop();
    assert_eq!(ended(&mut other), Some(Ending::Stopping));
    assert_eq!(ended(&mut shop.follow(&staff(), FeedStart::Now)), Some(Ending::Stopping));
}

#[test]
fn end_wakes_a_feed_that_waits() {
    let shop = Shop::new();
    let mut feed = shop.follow(&staff(), FeedStart::Now);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || block_on(feed.next()));
        shop.events.stop();
        assert!(matches!(waiting.join().unwrap(), Ok(FeedItem::Ended(Ending::Stopping))));
    });
}

#[test]
fn feed_knows_how_far_it_is_behind() {
    let shop = Shop::new();
    let mut feed = shop.follow(&staff(), FeedStart::Now);
    assert_eq!(taken(&mut feed), []);
    (0..10).for_each(|_| shop.log.write(product()));
    shop.advance();
    assert!(feed.is_behind(99, |_| 10) && !feed.is_behind(100, |_| 10));
    (0..5_000).for_each(|_| shop.log.write(product()));
    shop.advance();
    assert!(feed.is_behind(usize::MAX, |_| 0), "the ring has lost some of it");
    assert_eq!(taken(&mut feed).len(), 5_010);
    assert!(!feed.is_behind(0, |_| 10));
}

#[test]
fn failed_read_loses_nothing() {
    let shop = Shop::new();
    (0..10).for_each(|_| shop.log.write(product()));
    block_on(shop.log.number()).unwrap();
    let mut feed = shop.follow(&staff(), FeedStart::After(id(4)));
    *shop.log.is_away.lock().unwrap() = true;
    assert!(block_on(feed.next()).is_err());
    *shop.log.is_away.lock().unwrap() = false;
    assert_eq!(taken(&mut feed), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn log_is_for_staff_and_keys_with_the_scope() {
    let shop = Shop::new();
    (0..3).for_each(|_| shop.log.write(product()));
    let page = |actor: &Actor, after, limit| {
        let query = LogQuery { after, kinds: EventKinds::ALL, limit: Limit::new(limit).unwrap() };
        block_on(shop.events.page(actor, &query))
    };
    let first = page(&staff(), None, 2).unwrap();
    assert_eq!((first.events.len(), first.more), (2, true));
    let last = page(&by_key(admin(), &[Scope::EventsRead]), Some(id(2)), 2).unwrap();
    assert_eq!((last.events[0].id, last.more), (id(3), false));
    assert!(matches!(page(&customer(1), None, 2), Err(Error::Forbidden)));
    let other = by_key(staff(), &[Scope::OrdersRead]);
    assert!(matches!(page(&other, None, 2), Err(Error::InsufficientScope(Scope::EventsRead))));
    let refused = shop.try_follow(&other, FeedFilter::default(), FeedStart::Now);
    assert!(matches!(refused.err(), Some(Error::InsufficientScope(Scope::EventsRead))));
    let Err(Error::Validation(fields)) = page(&staff(), Some(id(404)), 2) else { panic!() };
    assert_eq!(fields[0].field, "after");
}
