//! Webhooks: who may do what, and what is sent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{admin, by_key, clock, customer, ids, mail_jobs, now, origin, staff, user_id};
use entrepot_application::webhook::{DispatchPorts, WebhookDispatch, WebhookPorts, WebhookRequest, WebhookService};
use entrepot_domain::{
    DeliveryId, Description, Invalid, OrderId, Timestamp, UserId, Version, WebhookId,
    api_key::{MockRandomness, Scope},
    auth::Actor,
    event::{Consumed, Event, EventData, EventId, EventPosition, MockEventLog},
    order::OrderStatus,
    second_factor::{MockSealer, SealedSecret},
    webhook::{
        Answer, AttemptResult, ClaimedDelivery, DeliveryLease, EventTypes, MockDeliveryQueue, MockDeliveryRepository,
        MockWebhookBodies, MockWebhookRepository, MockWebhookSender, NewDelivery, NewWebhook, NextStep, Outgoing,
        Recorded, SealedKeys, Signing, Subscriber, UrlRefusal, WebhookSecret, WebhookUrl,
    },
};
use futures_executor::block_on;
use uuid::Uuid;
use zeroize::Zeroizing;

const WEBHOOK: WebhookId = WebhookId(Uuid::from_u128(7));

struct Mocks {
    webhooks: MockWebhookRepository,
    sender: MockWebhookSender,
    sealer: MockSealer,
    random: MockRandomness,
}

impl Mocks {
    /// With a sender that allows every URL.
    fn new() -> Self {
        let mut sender = MockWebhookSender::new();
        sender.expect_check().returning(|_| Ok(()));
        let (webhooks, sealer) = (MockWebhookRepository::new(), MockSealer::new());
        Self { webhooks, sender, sealer, random: MockRandomness::new() }
    }

    fn service(self) -> WebhookService {
        WebhookService::new(WebhookPorts {
            webhooks: Arc::new(self.webhooks),
            deliveries: Arc::new(MockDeliveryRepository::new()),
            bodies: Arc::new(MockWebhookBodies::new()),
            sender: Arc::new(self.sender),
            sealer: Arc::new(self.sealer),
            random: Arc::new(self.random),
            clock: clock(),
            ids: ids(),
        })
    }
}

fn request(signing: Signing) -> WebhookRequest {
    WebhookRequest {
        url: WebhookUrl::parse("https://example.com/hook").unwrap(),
        types: EventTypes::All,
        description: Description::default(),
        signing,
    }
}

#[test]
fn webhooks_are_for_staff_and_keys_with_the_scope() {
    let asked = |actor: Actor| {
        let mut mocks = Mocks::new();
        mocks.webhooks.expect_find().returning(|_| Ok(None));
        block_on(mocks.service().get(&actor, WEBHOOK)).unwrap_err().code()
    };
    for allowed in [staff(), admin(), by_key(staff(), &[Scope::WebhooksWrite])] {
        assert_eq!(asked(allowed), "not_found");
    }
    assert_eq!(asked(customer(1)), "forbidden");
    assert_eq!(asked(by_key(customer(1), &[Scope::WebhooksWrite])), "forbidden");
    let other = by_key(admin(), &[Scope::OrdersRead]);
    assert_eq!(asked(other), "insufficient_scope");
    for actor in [customer(1), other] {
        let service = Mocks::new().service();
        assert!(block_on(service.create(&actor, request(Signing::Hmac), &origin())).is_err());
        assert!(block_on(service.rotate(&actor, WEBHOOK, None, &origin())).is_err());
        assert!(block_on(service.delete(&actor, WEBHOOK, None, &origin())).is_err());
        assert!(block_on(service.test(&actor, WEBHOOK)).is_err());
        assert!(block_on(service.retry(&actor, WEBHOOK, DeliveryId(Uuid::nil()))).is_err());
    }
}

#[test]
fn url_that_may_not_be_called_is_refused() {
    let mut mocks = Mocks::new();
    mocks.sender = MockWebhookSender::new();
    mocks.sender.expect_check().returning(|_| Err(UrlRefusal(Invalid::new("must not be local"))));
    let refused = block_on(mocks.service().create(&staff(), request(Signing::Hmac), &origin())).unwrap_err();
    let entrepot_application::Error::Validation(fields) = refused else { panic!("{refused}") };
    assert_eq!((fields[0].field.as_str(), fields[0].message.as_str()), ("url", "must not be local"));
}

#[test]
fn secret_is_sealed_for_the_maker_and_returned_once() {
    for signing in Signing::ALL {
        let mut mocks = Mocks::new();
        mocks.random.expect_bytes().returning(|| Ok([5; 32]));
        let length = if signing == Signing::Hmac { 32 } else { 64 };
        mocks
            .sealer
            .expect_seal()
            .withf(move |user, secret| *user == staff().user && secret.len() == length)
            .returning(|_, _| Ok(SealedSecret(vec![1, 2, 3])));
        let is_new = move |NewWebhook { webhook, secret }: &NewWebhook| {
            (&secret.0, webhook.active, webhook.version) == (&vec![1, 2, 3], true, Version::FIRST)
                && (webhook.created_by, webhook.public_key.is_some()) == (user_id(500), signing == Signing::Ed25519)
        };
        mocks.webhooks.expect_insert().withf(move |new, _| is_new(new)).returning(|_, _| Ok(()));
        let made = block_on(mocks.service().create(&staff(), request(signing), &origin())).unwrap();
        assert_eq!(*made.secret.expose(), *WebhookSecret::new([5; 32], None).expose());
    }
}

fn event(record: i64, data: EventData) -> Event {
    let position = EventPosition { record, index: 0 };
    Event { id: EventId { position, nonce: 1 }, at: now(), data }
}

fn registered() -> EventData {
    EventData::UserRegistered { user: UserId(Uuid::nil()) }
}

fn status_changed() -> EventData {
    EventData::OrderStatusChanged {
        order: OrderId(Uuid::nil()),
        user: UserId(Uuid::nil()),
        from: OrderStatus::Pending,
        to: OrderStatus::Paid,
        version: Version(2),
    }
}

type Dispatched = Arc<Mutex<Vec<(Consumed, Vec<NewDelivery>)>>>;

/// What is dispatched of a log with these events to endpoints that want these types.
fn fan_out(events: Vec<Event>, endpoints: &[(u128, &'static str)]) -> (bool, Vec<(Consumed, Vec<NewDelivery>)>) {
    let (mut log, mut queue) = (MockEventLog::new(), MockDeliveryQueue::new());
    log.expect_consumed().returning(|_| Ok(EventPosition::START));
    let head = events.last().map_or(EventPosition::START, |event| event.id.position);
    log.expect_head().returning(move || Ok(head));
    log.expect_read().return_once(move |_| Ok(events));
    let subscriber = |(n, types): &(u128, &str)| Subscriber {
        webhook: WebhookId(Uuid::from_u128(*n)),
        types: EventTypes::parse([*types]).unwrap(),
    };
    let subscribers: Vec<_> = endpoints.iter().map(subscriber).collect();
    queue.expect_subscribers().returning(move || Ok(subscribers.clone()));
    let dispatched = Dispatched::default();
    let seen = dispatched.clone();
    queue.expect_dispatch().returning(move |consumed, deliveries| {
        seen.lock().unwrap().push((*consumed, deliveries.to_vec()));
        Ok(true)
    });
    let mut bodies = MockWebhookBodies::new();
    bodies.expect_event().returning(|event| Ok(format!("body of {}", event.id)));
    let more = block_on(dispatch(log, queue, MockWebhookSender::new(), bodies).fan_out()).unwrap();
    let dispatched = dispatched.lock().unwrap().clone();
    (more, dispatched)
}

fn dispatch(
    log: MockEventLog,
    queue: MockDeliveryQueue,
    sender: MockWebhookSender,
    bodies: MockWebhookBodies,
) -> WebhookDispatch {
    let mut sealer = MockSealer::new();
    // A sealed secret is its first byte, 32 times; a zero cannot be opened.
    sealer.expect_open().returning(|_, sealed| {
        let byte = sealed.0[0];
        Ok((byte > 0).then(|| Zeroizing::new(vec![byte; 32])))
    });
    let mut random = MockRandomness::new();
    random.expect_bytes().returning(|| Ok([0; 32]));
    WebhookDispatch::new(DispatchPorts {
        log: Arc::new(log),
        queue: Arc::new(queue),
        sender: Arc::new(sender),
        bodies: Arc::new(bodies),
        mails: Arc::new(mail_jobs()),
        sealer: Arc::new(sealer),
        random: Arc::new(random),
        clock: clock(),
        ids: ids(),
    })
}

#[test]
fn event_goes_to_the_endpoints_that_want_it() {
    let events = vec![event(3, registered()), event(4, status_changed())];
    let (more, dispatched) = fan_out(events, &[(1, "*"), (2, "order.status_changed"), (3, "product.created")]);
    let [(consumed, deliveries)] = dispatched.as_slice() else { panic!("{dispatched:?}") };
    let last = EventPosition { record: 4, index: 0 };
    assert_eq!(*consumed, Consumed { consumer: "webhooks", from: EventPosition::START, to: last });
    let sent: Vec<_> = deliveries.iter().map(|one| (one.webhook.0.as_u128(), one.kind.as_str(), &*one.body)).collect();
    let first = "body of 000000000000000300000-00000001";
    let second = "body of 000000000000000400000-00000001";
    let changed = "order.status_changed";
    assert_eq!(sent, [(1, "user.registered", first), (1, changed, second), (2, changed, second)]);
    assert!(more);
}

#[test]
fn nobody_who_wants_an_event_is_no_reason_to_read_it_again() {
    let (more, dispatched) = fan_out(vec![event(3, registered())], &[]);
    assert_eq!((more, dispatched.len(), dispatched[0].1.len()), (true, 1, 0));
    assert_eq!(fan_out(Vec::new(), &[(1, "*")]), (false, Vec::new()));
}

#[test]
fn many_deliveries_are_written_in_parts() {
    let events: Vec<_> = (1..=500).map(|record| event(record, registered())).collect();
    let endpoints: Vec<_> = (1..=100).map(|n| (n, "*")).collect();
    let (_, dispatched) = fan_out(events, &endpoints);
    assert_eq!((dispatched[0].1.len(), dispatched[0].0.to.record), (1_000, 10));
}

fn claimed(current: u8, previous: Option<(u8, Timestamp)>) -> ClaimedDelivery {
    ClaimedDelivery {
        lease: DeliveryLease { delivery: DeliveryId(Uuid::nil()), fence: 1 },
        webhook: WEBHOOK,
        url: WebhookUrl::parse("https://example.com/hook").unwrap(),
        created_by: user_id(500),
        keys: SealedKeys {
            current: SealedSecret(vec![current]),
            previous: previous.map(|(secret, until)| (SealedSecret(vec![secret]), until)),
        },
        is_failing: false,
        event: "event".into(),
        kind: "order.created".parse().unwrap(),
        body: "{}".into(),
        failures: 0,
    }
}

/// What is sent, and what is recorded if the answer has this status.
fn send(delivery: &ClaimedDelivery, status: Option<u16>) -> (Option<Outgoing>, Recorded) {
    let mut sender = MockWebhookSender::new();
    let sent = Arc::<Mutex<Option<Outgoing>>>::default();
    let seen = sent.clone();
    sender.expect_send().returning(move |outgoing| {
        *seen.lock().unwrap() = Some(outgoing.clone());
        Answer { status, duration: Duration::ZERO, error: None, response: None, retry_after: None }
    });
    let dispatch = dispatch(MockEventLog::new(), MockDeliveryQueue::new(), sender, MockWebhookBodies::new());
    let recorded = block_on(dispatch.send(delivery));
    let sent = sent.lock().unwrap().clone();
    (sent, recorded)
}

#[test]
fn previous_secret_signs_until_its_time_is_over() {
    let secret = |byte| WebhookSecret::new([byte; 32], None);
    let signed = |delivery: &ClaimedDelivery| send(delivery, Some(200)).0.unwrap().signatures;
    let both = WebhookSecret::signatures(&[secret(1), secret(2)], "event", now(), "{}");
    assert_eq!(signed(&claimed(1, Some((2, now() + Duration::from_secs(1))))), both);
    let one = WebhookSecret::signatures(&[secret(1)], "event", now(), "{}");
    assert_eq!(signed(&claimed(1, Some((2, now())))), one);
    assert_eq!(signed(&claimed(1, None)), one);
}

#[test]
fn answer_decides_what_follows() {
    let next = |status| {
        let recorded = send(&claimed(1, None), status).1;
        (recorded.result, recorded.next)
    };
    assert_eq!(next(Some(204)), (AttemptResult::Succeeded, NextStep::Succeeded));
    assert_eq!(next(Some(410)), (AttemptResult::Gone, NextStep::Dead));
    let later = NextStep::Retry { after: Duration::from_secs(4) };
    assert_eq!(next(Some(500)), (AttemptResult::Failed, later));
    assert_eq!(next(None), (AttemptResult::Failed, later));
    let last = ClaimedDelivery { failures: 9, ..claimed(1, None) };
    assert_eq!(send(&last, Some(500)).1.next, NextStep::Dead);
}

#[test]
fn delivery_without_its_secret_is_not_sent() {
    let (sent, recorded) = send(&claimed(0, None), Some(200));
    assert_eq!((sent, recorded.result), (None, AttemptResult::Failed));
    assert!(matches!(recorded.next, NextStep::Retry { .. }));
}

#[test]
fn notice_to_the_maker_goes_with_what_may_deactivate_the_endpoint() {
    let notice = |status| send(&claimed(1, None), status).1.notice;
    assert_eq!(notice(Some(200)), None);
    for status in [Some(410), Some(500), None] {
        let text = notice(status).unwrap().payload.text;
        assert!(
            text.contains("WebhookDeactivated") && text.contains(&claimed(1, None).created_by.to_string()),
            "{text}"
        );
    }
}
