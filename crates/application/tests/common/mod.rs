//! Helpers for tests of the use cases: test data, and mocked ports.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses its part")]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use entrepot_application::{AccountMails, LoginThrottle};
use entrepot_domain::{
    ApiKeyId, Clock, Description, Email, IdGenerator, JobId, Money, OrderId, ProductId, Quota, RateLimitDecision,
    RateLimiter, SessionId, Subject, Timestamp, UserId, Version,
    api_key::{MockRandomness, Scope, Scopes},
    audit::{Cause, Origin, Who},
    auth::{Actor, PasswordHash, Proof},
    job::{JobKind, NewJob, Payload, Priority},
    mail::MockMailJobs,
    order::{Order, OrderLine, OrderStatus},
    product::{Product, ProductName, Quantity, Sku, Stock},
    user::{Credentials, PersonName, Role, Roles, User},
};
use uuid::Uuid;

pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub fn now() -> Timestamp {
    Timestamp::from_timestamp_millis(1_700_000_000_123).unwrap()
}

pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Always returns the same identifier, so that a test knows it.
pub struct FixedId(pub u128);

impl IdGenerator for FixedId {
    fn next(&self) -> Uuid {
        Uuid::from_u128(self.0)
    }
}

pub fn origin() -> Origin {
    Origin { address: ADDRESS, request_id: "request".into() }
}

pub fn cause() -> Cause {
    Cause { id: Uuid::from_u128(77), at: now(), who: Who::Anonymous, origin: Some(origin()) }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock)
}

pub fn ids() -> Arc<dyn IdGenerator> {
    Arc::new(FixedId(77))
}

pub fn user_id(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

pub fn session_id(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(n))
}

pub fn actor(n: u128, roles: &[Role]) -> Actor {
    Actor { user: user_id(n), proof: Proof::Session(session_id(n)), roles: Roles::new(roles.iter().copied()).unwrap() }
}

/// The same with an API key with these scopes.
pub fn by_key(actor: Actor, scopes: &[Scope]) -> Actor {
    let proof =
        Proof::ApiKey { id: ApiKeyId(Uuid::from_u128(7)), scopes: Scopes::new(scopes.iter().copied()).unwrap() };
    Actor { proof, ..actor }
}

pub fn customer(n: u128) -> Actor {
    actor(n, &[Role::Customer])
}

pub fn staff() -> Actor {
    actor(500, &[Role::Staff])
}

pub fn admin() -> Actor {
    actor(900, &[Role::Admin])
}

pub fn user(n: u128) -> User {
    User {
        id: user_id(n),
        name: PersonName::parse("Ada").unwrap(),
        email: Email::parse("ada@example.com").unwrap(),
        roles: Roles::CUSTOMER,
        email_verified: false,
        version: Version::FIRST,
        created_at: now(),
        updated_at: now(),
    }
}

pub fn credentials(n: u128) -> Credentials {
    Credentials { user: user(n), password: PasswordHash("hash".into()) }
}

pub fn product(n: u128) -> Product {
    Product {
        id: ProductId(Uuid::from_u128(n)),
        sku: Sku::parse(&format!("S{n}")).unwrap(),
        name: ProductName::parse("Mug").unwrap(),
        description: Description::parse("Holds tea.\nMostly.").unwrap(),
        price: Money::new(295, "GBP".parse().unwrap()).unwrap(),
        stock: Stock::new(3).unwrap(),
        version: Version(4),
        created_at: now(),
        updated_at: now(),
    }
}

pub fn order(n: u128, owner: UserId) -> Order {
    let product = product(1);
    Order {
        id: OrderId(Uuid::from_u128(n)),
        user: owner,
        status: OrderStatus::Pending,
        lines: vec![OrderLine {
            product: product.id,
            sku: product.sku,
            name: product.name,
            quantity: Quantity::new(1).unwrap(),
            unit_price: product.price,
            line_total: product.price,
        }],
        total: product.price,
        version: Version::FIRST,
        created_at: now(),
        updated_at: now(),
    }
}

/// Makes mails of nothing that a test looks at.
pub fn mails() -> Arc<AccountMails> {
    let mut random = MockRandomness::new();
    random.expect_bytes().returning(|| Ok([7; 32]));
    Arc::new(AccountMails::new(Arc::new(mail_jobs()), Arc::new(random), ids()))
}

/// Makes jobs whose payload is the request in Rust's notation.
pub fn mail_jobs() -> MockMailJobs {
    let mut jobs = MockMailJobs::new();
    jobs.expect_mail().returning(|id, request| Ok(job(id, format!("{request:?}"))));
    jobs.expect_forgotten_password().returning(|id, email| Ok(job(id, email.to_string())));
    jobs
}

fn job(id: JobId, text: String) -> NewJob {
    NewJob {
        id,
        kind: JobKind::parse("mail").unwrap(),
        payload: Payload { version: 1, text },
        priority: Priority::default(),
        delay: Duration::ZERO,
        max_attempts: 1,
        unique: None,
        trace: None,
    }
}

/// Disables all limits.
pub fn no_throttle() -> Arc<LoginThrottle> {
    Arc::new(LoginThrottle::new(Arc::new(entrepot_domain::MockRateLimiter::new()), None))
}

/// Allows five failures per subject, and counts them.
#[derive(Default)]
pub struct CountingLimiter(std::sync::Mutex<std::collections::HashMap<Subject, u32>>);

impl CountingLimiter {
    pub fn of(&self, subject: &Subject) -> u32 {
        self.0.lock().unwrap().get(subject).copied().unwrap_or_default()
    }

    /// The failed logins of Ada from her address.
    pub fn logins(&self) -> u32 {
        self.of(&Subject::Login { address: ADDRESS, email: "ada@example.com".into() })
    }
}

#[async_trait::async_trait]
impl RateLimiter for CountingLimiter {
    async fn hit(&self, subject: &Subject, quota: Quota) -> RateLimitDecision {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(subject.clone()).or_default();
        *count += 1;
        decision(*count <= quota.limit)
    }

    async fn peek(&self, subject: &Subject, quota: Quota) -> RateLimitDecision {
        decision(self.of(subject) < quota.limit)
    }
}

fn decision(allowed: bool) -> RateLimitDecision {
    RateLimitDecision { allowed, remaining: 0, resets_in: Duration::from_mins(15) }
}

pub fn throttle(limiter: &Arc<CountingLimiter>) -> Arc<LoginThrottle> {
    let quota = Quota { limit: 5, window: Duration::from_mins(15) };
    Arc::new(LoginThrottle::new(limiter.clone(), Some(quota)))
}
