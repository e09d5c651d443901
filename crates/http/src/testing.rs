//! What the tests of this crate share: a state whose ports only answer what a test expects.
#![allow(dead_code, reason = "each test uses its part")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpServer,
    body::MessageBody,
    http::{StatusCode, header::HeaderMap},
    test::{self, TestRequest},
};
use bytes::Bytes;
use entrepot_application::{
    AccountMails, Application, LoginThrottle, RequestLimiter,
    account::{AccountPorts, AccountService},
    api_key::{ApiKeyPorts, ApiKeyService},
    audit::{AuditPorts, AuditService},
    auth::{AccessChecker, AuthPorts, AuthService, AuthSettings, TicketPorts, TicketService},
    event::{EventPorts, EventService, EventWake},
    job::{JobPorts, JobService},
    order::{OrderPorts, OrderService},
    product::{ProductPorts, ProductService},
    second_factor::{SecondFactorPorts, SecondFactorService},
    user::{UserPorts, UserService},
    webhook::{WebhookPorts, WebhookService},
};
use entrepot_domain::{
    Clock, Email, HealthCheck, IdGenerator, MockRateLimiter, Quota, RateLimitDecision, SessionId, Timestamp, UserId,
    api_key::{MockApiKeyRepository, MockRandomness},
    audit::MockAuditLog,
    auth::{
        Access, AccessClaims, Actor, MockLoginObserver, MockPasswordHasher, MockSessionRepository,
        MockTicketRepository, MockTokenIssuer, Proof, TokenError,
    },
    event::MockEventLog,
    job::{MockJobQueue, MockJobRepository},
    mail::MockMailJobs,
    order::MockOrderRepository,
    product::MockProductRepository,
    second_factor::{MockSealer, MockSecondFactorRepository},
    user::{MockAccountTokenRepository, MockUserRepository, Role, Roles},
    webhook::{MockDeliveryRepository, MockWebhookBodies, MockWebhookRepository, MockWebhookSender},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{HttpSettings, HttpState, edge::Routes, routes::app_with};

/// When every test happens.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_timestamp_millis(1_700_000_000_123).unwrap()
}

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// 1, 2, 3 …
#[derive(Default)]
struct CountedIds(AtomicU64);

impl IdGenerator for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1))
    }
}

/// The tokens that the mocked issuer believes, each with a live session: `Authorization: Bearer customer`.
/// `expired` has expired, `over` is good but its session is over, and all others are not valid.
pub(crate) const TOKENS: [(&str, u128, Role); 5] = [
    ("customer", 1, Role::Customer),
    ("other", 2, Role::Customer),
    ("over", 3, Role::Customer),
    ("staff", 500, Role::Staff),
    ("admin", 900, Role::Admin),
];

/// Who comes with a token of [`TOKENS`].
pub(crate) fn actor(token: &str) -> Actor {
    let (_, n, role) = TOKENS.into_iter().find(|(name, ..)| *name == token).unwrap();
    let id = Uuid::from_u128(n);
    Actor { user: UserId(id), proof: Proof::Session(SessionId(id)), roles: Roles::new([role]).unwrap() }
}

fn claims(token: &str) -> Result<AccessClaims, TokenError> {
    if token == "expired" {
        return Err(TokenError::Expired);
    }
    if !TOKENS.iter().any(|(name, ..)| *name == token) {
        return Err(TokenError::Invalid);
    }
    let actor = actor(token);
    Ok(AccessClaims {
        user: actor.user,
        email: Email::parse("ada@example.com").unwrap(),
        roles: actor.roles,
        session: actor.session().unwrap(),
        id: Uuid::from_u128(7),
        issued_at: now(),
        expires_at: now() + Duration::from_mins(15),
    })
}

/// The settings of every test that sets no others.
pub(crate) fn settings() -> HttpSettings {
    HttpSettings {
        body_limit: 10_000,
        request_timeout: Duration::from_secs(30),
        tls: false,
        allowed_origins: vec!["https://shop.example".into()],
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        cursor_keys: vec![[7; 32]],
        default_currency: "GBP".parse().unwrap(),
        production: false,
    }
}

/// A limiter that lets everything through.
pub(crate) fn generous() -> impl Fn(&entrepot_domain::Subject, Quota) -> RateLimitDecision {
    |_, quota| RateLimitDecision { allowed: true, remaining: quota.limit - 1, resets_in: Duration::from_mins(15) }
}

/// Every port, mocked: set expectations, then ask for the [`state`](Mocks::state). Tokens, sessions and limits answer
/// as [`TOKENS`] says and let everything through, unless a test expects something else of them.
pub(crate) struct Mocks {
    pub(crate) users: MockUserRepository,
    pub(crate) sessions: MockSessionRepository,
    pub(crate) api_keys: MockApiKeyRepository,
    pub(crate) hasher: MockPasswordHasher,
    pub(crate) tokens: MockTokenIssuer,
    pub(crate) products: MockProductRepository,
    pub(crate) orders: MockOrderRepository,
    pub(crate) audit: MockAuditLog,
    pub(crate) jobs: MockJobRepository,
    pub(crate) tickets: MockTicketRepository,
    pub(crate) events: MockEventLog,
    pub(crate) limiter: MockRateLimiter,
    pub(crate) health: Vec<Arc<dyn HealthCheck>>,
    pub(crate) settings: HttpSettings,
}

impl Default for Mocks {
    fn default() -> Self {
        Self {
            users: MockUserRepository::new(),
            sessions: MockSessionRepository::new(),
            api_keys: MockApiKeyRepository::new(),
            hasher: MockPasswordHasher::new(),
            tokens: MockTokenIssuer::new(),
            products: MockProductRepository::new(),
            orders: MockOrderRepository::new(),
            audit: MockAuditLog::new(),
            jobs: MockJobRepository::new(),
            tickets: MockTicketRepository::new(),
            events: MockEventLog::new(),
            limiter: MockRateLimiter::new(),
            health: Vec::new(),
            settings: settings(),
        }
    }
}

impl Mocks {
    /// The state over these ports.
    pub(crate) fn state(mut self) -> Arc<HttpState> {
        // The first expectation that fits answers: what comes here comes last.
        self.tokens.expect_verify_access().returning(|token, _| claims(token));
        self.sessions.expect_access().returning(|session, _| {
            let token = TOKENS.iter().find(|(name, n, _)| *name != "over" && Uuid::from_u128(*n) == session.0);
            Ok(token.map(|(name, ..)| actor(name)).map(|actor| Access { user: actor.user, roles: actor.roles }))
        });
        self.limiter.expect_hit().returning(generous());
        let (health, settings) = (std::mem::take(&mut self.health), self.settings.clone());
        Arc::new(HttpState::new(self.application(), health, Arc::new(CountedIds::default()), settings))
    }

    fn application(self) -> Application {
        let clock: Arc<dyn Clock> = Arc::new(FixedClock);
        let ids: Arc<dyn IdGenerator> = Arc::new(CountedIds::default());
        let (users, hasher) = (Arc::new(self.users), Arc::new(self.hasher));
        let throttle = Arc::new(LoginThrottle::new(Arc::new(MockRateLimiter::new()), None));
        let quota = |limit| Some(Quota { limit, window: Duration::from_mins(15) });
        let settings = AuthSettings {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(168),
            refresh_grace: Duration::ZERO,
        };
        let mails = AccountMails::new(Arc::new(MockMailJobs::new()), Arc::new(MockRandomness::new()), ids.clone());
        let mails = Arc::new(mails);
        let mut logins = MockLoginObserver::new();
        logins.expect_login_ended().return_const(());
        let (sessions, keys) = (Arc::new(self.sessions), Arc::new(self.api_keys));
        let (tickets, events) = feeds(self.tickets, self.events, sessions.clone(), keys.clone());
        let auth = AuthPorts {
            users: users.clone(),
            sessions,
            hasher: hasher.clone(),
            second_factors: Arc::new(MockSecondFactorRepository::new()),
            sealer: Arc::new(MockSealer::new()),
            tokens: Arc::new(self.tokens),
            throttle: throttle.clone(),
            mails: mails.clone(),
            logins: Arc::new(logins),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let keys =
            ApiKeyPorts { keys, random: Arc::new(MockRandomness::new()), clock: clock.clone(), ids: ids.clone() };
        let products = ProductPorts { products: Arc::new(self.products), clock: clock.clone(), ids: ids.clone() };
        Application {
            auth: AuthService::new(auth, settings),
            tickets,
            events,
            api_keys: ApiKeyService::new(keys),
            second_factors: second_factors(&users, &hasher, &throttle),
            accounts: accounts(&users, &hasher, &mails),
            users: UserService::new(UserPorts {
                users,
                hasher,
                throttle,
                mails,
                clock: clock.clone(),
                ids: ids.clone(),
            }),
            products: ProductService::new(products),
            orders: Arc::new(OrderService::new(OrderPorts { orders: Arc::new(self.orders), clock, ids })),
            audit: AuditService::new(AuditPorts { log: Arc::new(self.audit) }),
            jobs: JobService::new(JobPorts { jobs: Arc::new(self.jobs) }),
            webhooks: webhooks(),
            request_limiter: RequestLimiter::new(Arc::new(self.limiter), quota(100), quota(1_000)),
        }
    }
}

/// Webhooks that expect nothing.
fn webhooks() -> WebhookService {
    WebhookService::new(WebhookPorts {
        webhooks: Arc::new(MockWebhookRepository::new()),
        deliveries: Arc::new(MockDeliveryRepository::new()),
        bodies: Arc::new(MockWebhookBodies::new()),
        sender: Arc::new(MockWebhookSender::new()),
        sealer: Arc::new(MockSealer::new()),
        random: Arc::new(MockRandomness::new()),
        clock: Arc::new(FixedClock),
        ids: Arc::new(CountedIds::default()),
    })
}

/// Tickets and feeds over these ports.
fn feeds(
    tickets: MockTicketRepository,
    log: MockEventLog,
    sessions: Arc<MockSessionRepository>,
    keys: Arc<MockApiKeyRepository>,
) -> (TicketService, EventService) {
    let clock = Arc::new(FixedClock);
    let access = Arc::new(AccessChecker { sessions, keys, clock: clock.clone() });
    let mut random = MockRandomness::new();
    random.expect_bytes().returning(|| Ok([7; 32]));
    let tickets = TicketPorts { tickets: Arc::new(tickets), access: access.clone(), random: Arc::new(random), clock };
    let events = EventPorts { log: Arc::new(log), wake: EventWake::default(), signal: None, access };
    (TicketService::new(tickets), EventService::new(events))
}

fn second_factors(
    users: &Arc<MockUserRepository>,
    hasher: &Arc<MockPasswordHasher>,
    throttle: &Arc<LoginThrottle>,
) -> SecondFactorService {
    SecondFactorService::new(SecondFactorPorts {
        factors: Arc::new(MockSecondFactorRepository::new()),
        users: users.clone(),
        hasher: hasher.clone(),
        sealer: Arc::new(MockSealer::new()),
        random: Arc::new(MockRandomness::new()),
        throttle: throttle.clone(),
        clock: Arc::new(FixedClock),
        ids: Arc::new(CountedIds::default()),
    })
}

fn accounts(
    users: &Arc<MockUserRepository>,
    hasher: &Arc<MockPasswordHasher>,
    mails: &Arc<AccountMails>,
) -> Arc<AccountService> {
    Arc::new(AccountService::new(AccountPorts {
        users: users.clone(),
        tokens: Arc::new(MockAccountTokenRepository::new()),
        queue: Arc::new(MockJobQueue::new()),
        hasher: hasher.clone(),
        mails: mails.clone(),
        clock: Arc::new(FixedClock),
        ids: Arc::new(CountedIds::default()),
    }))
}

/// A state that expects nothing but tokens, sessions and limits.
pub(crate) fn state_for_tests() -> Arc<HttpState> {
    Mocks::default().state()
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the server answers to a request.
pub(crate) async fn ask(state: &Arc<HttpState>, request: TestRequest) -> Answer {
    ask_with(state, |_| {}, request).await
}

/// The same with more routes.
pub(crate) async fn ask_with(state: &Arc<HttpState>, more: fn(&mut Routes), request: TestRequest) -> Answer {
    let service = test::init_service(app_with(state, more)).await;
    let request = request.to_request();
    let (head, body) = match test::try_call_service(&service, request).await {
        Ok(response) => response.into_parts().1.into_parts(),
        Err(error) => error.error_response().into_parts(),
    };
    let body = body.try_into_bytes();
    let body = match body {
        Ok(body) => body,
        Err(stream) => actix_web::body::to_bytes(stream).await.unwrap(),
    };
    Answer { status: head.status(), headers: head.headers().clone(), body }
}

/// All that comes back on a connection to actix-web's own server, on which this is sent and nothing more.
pub(crate) async fn say(more: fn(&mut Routes), said: impl Into<String>) -> String {
    let (state, said) = (state_for_tests(), said.into());
    let server = HttpServer::new(move || app_with(&state, more)).workers(1).bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let server = server.disable_signals().run();
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let heard = actix_web::rt::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    });
    let heard = heard.await.unwrap();
    handle.stop(true).await;
    running.await.unwrap().unwrap();
    heard
}

/// A request with one of the [`TOKENS`].
pub(crate) fn by(token: &str, request: TestRequest) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {token}")))
}
