//! The composition root: chooses the adapters and decorators, and hands each service its ports by constructor.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
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
};
use entrepot_cached::{
    CachedAccountTokens, CachedApiKeys, CachedOrders, CachedProducts, CachedSecondFactors, CachedSessions, CachedUsers,
};
use entrepot_domain::{
    Cache, Clock, IdGenerator, MetricSource, Quota, RateLimiter, api_key::Randomness, auth::PasswordHasher,
    event::EventSignal, second_factor::Sealer, webhook::WebhookSender,
};
use entrepot_http::{AccessLog, HttpSettings, HttpState};
use entrepot_memory::{MemoryCache, MemoryLimiter, NoSignal, SystemClock, UuidV7};
use entrepot_redis::{Redis, RedisCache, RedisLimiter, RedisSignal};
use entrepot_security::{AesSealer, BcryptHasher, JwtIssuer, JwtKeys, SystemRandomness};
use entrepot_telemetry::{
    CountedLogins, CountedOrders,
    ports::{
        TracedAccountTokens, TracedApiKeys, TracedAuditLog, TracedDeliveries, TracedHasher, TracedJobs, TracedOrders,
        TracedProducts, TracedSecondFactors, TracedSessions, TracedTickets, TracedUsers, TracedWebhooks,
    },
};
use entrepot_webhook::HttpSender;
use entrepot_worker::{
    event::{Relay, RelayPorts},
    mail::JobMails,
    order::ChangeNotice,
    webhook::DeliveryWorker,
};
use sha2::{Digest, Sha256};

use crate::{
    backend::{Backend, Store, Stores},
    config::{Config, Environment, Secrets},
    jobs::{self, Jobs},
    process::Process,
    webhooks,
};

/// The `iss` and `aud` claims of tokens.
const ISSUER: &str = "entrepot";
const AUDIENCE: &str = "entrepot-api";

/// The size of the cache in this process, in bytes.
const CACHE_BYTES: u64 = 8 << 20;

/// The sources of all metrics that adapters and decorators have.
type Metrics = Vec<Arc<dyn MetricSource>>;

/// Builds all use cases over an open backend.
pub fn compose(config: &Config, backend: &Backend) -> Application {
    build(config, backend, &mut Metrics::new(), Wakers::default())
}

/// Builds all use cases, and adds the sources of metrics to `metrics`.
fn build(config: &Config, backend: &Backend, metrics: &mut Metrics, wakers: Wakers) -> Application {
    let Shared { clock, ids, hasher, random, sealer, sender } = Shared::new(config, metrics);
    let (request_limiter, throttle) = rate_limiters(config, backend);
    let stores = counted(stores(config, backend, metrics), metrics);
    let logins = Arc::new(CountedLogins::default());
    metrics.push(logins.clone());
    let mails = Arc::new(AccountMails::new(Arc::new(JobMails), random.clone(), ids.clone()));
    let accounts = accounts(&stores, backend, &hasher, &mails);

    let (tickets, events) = feeds(&stores, wakers, &random, &clock);
    let webhooks = webhooks::service(&stores, sender, sealer.clone(), random.clone());
    let auth = AuthPorts {
        users: stores.users.clone(),
        sessions: stores.sessions,
        hasher: hasher.clone(),
        second_factors: stores.second_factors.clone(),
        sealer: sealer.clone(),
        tokens: Arc::new(JwtIssuer::new(&keys(&config.secrets), ISSUER, AUDIENCE)),
        throttle: throttle.clone(),
        logins,
        mails: mails.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let api_keys =
        ApiKeyPorts { keys: stores.api_keys, random: random.clone(), clock: clock.clone(), ids: ids.clone() };
    let second_factors = SecondFactorPorts {
        factors: stores.second_factors,
        users: stores.users.clone(),
        hasher: hasher.clone(),
        sealer,
        random,
        throttle: throttle.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let products = ProductPorts { products: stores.products, clock: clock.clone(), ids: ids.clone() };
    let users = UserPorts { users: stores.users, hasher, throttle, mails, clock: clock.clone(), ids: ids.clone() };
    Application {
        auth: AuthService::new(auth, auth_settings(config)),
        tickets,
        api_keys: ApiKeyService::new(api_keys),
        second_factors: SecondFactorService::new(second_factors),
        users: UserService::new(users),
        accounts,
        products: ProductService::new(products),
        orders: Arc::new(OrderService::new(OrderPorts { orders: stores.orders, clock, ids })),
        audit: AuditService::new(AuditPorts { log: stores.audit }),
        jobs: JobService::new(JobPorts { jobs: stores.jobs }),
        webhooks,
        events,
        request_limiter,
    }
}

/// Wake those who follow the event log, in this process and in others.
#[derive(Clone, Default)]
struct Wakers {
    wake: EventWake,
    signal: Option<Arc<dyn EventSignal>>,
}

/// Live feeds, and the tickets that open them.
fn feeds(
    stores: &Stores,
    wakers: Wakers,
    random: &Arc<dyn Randomness>,
    clock: &Arc<dyn Clock>,
) -> (TicketService, EventService) {
    let (sessions, keys) = (stores.sessions.clone(), stores.api_keys.clone());
    let access = Arc::new(AccessChecker { sessions, keys, clock: clock.clone() });
    let tickets = TicketPorts {
        tickets: stores.tickets.clone(),
        access: access.clone(),
        random: random.clone(),
        clock: clock.clone(),
    };
    let events = EventPorts { log: stores.events.clone(), wake: wakers.wake, signal: wakers.signal, access };
    (TicketService::new(tickets), EventService::new(events))
}

fn accounts(
    stores: &Stores,
    backend: &Backend,
    hasher: &Arc<dyn PasswordHasher>,
    mails: &Arc<AccountMails>,
) -> Arc<AccountService> {
    Arc::new(AccountService::new(AccountPorts {
        users: stores.users.clone(),
        tokens: stores.account_tokens.clone(),
        queue: backend.store().queue(),
        hasher: hasher.clone(),
        mails: mails.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidV7),
    }))
}

/// The ports that several services share, except the stores.
struct Shared {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    hasher: Arc<dyn PasswordHasher>,
    random: Arc<dyn Randomness>,
    sealer: Arc<dyn Sealer>,
    sender: Arc<dyn WebhookSender>,
}

impl Shared {
    fn new(config: &Config, metrics: &mut Metrics) -> Self {
        let hasher = Arc::new(BcryptHasher::new(config.bcrypt_cost));
        metrics.push(hasher.clone());
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(UuidV7),
            hasher: if config.traces.is_some() { Arc::new(TracedHasher(hasher)) } else { hasher },
            random: Arc::new(SystemRandomness),
            sealer: Arc::new(AesSealer::new(config.secrets.refresh.iter().map(String::as_bytes))),
            sender: Arc::new(HttpSender::new(config.webhook_allow_private)),
        }
    }
}

fn auth_settings(config: &Config) -> AuthSettings {
    AuthSettings {
        access_ttl: config.access_token_ttl,
        refresh_ttl: config.refresh_token_ttl,
        refresh_grace: config.refresh_token_grace,
    }
}

/// The rate limits of requests, and those of failed logins.
fn rate_limiters(config: &Config, backend: &Backend) -> (RequestLimiter, Arc<LoginThrottle>) {
    let window = config.limits.map(|limits| limits.window).unwrap_or_default();
    let limiter = limiter(backend.redis(), window);
    let quota = |limit: u32| Quota { limit, window };
    let request_limiter = RequestLimiter::new(
        limiter.clone(),
        config.limits.map(|limits| quota(limits.address)),
        config.limits.map(|limits| quota(limits.user)),
    );
    (request_limiter, Arc::new(LoginThrottle::new(limiter, config.limits.map(|limits| quota(limits.login)))))
}

/// Counts in Redis, for all instances together; in the process without Redis or while it is unreachable.
fn limiter(redis: Option<&Redis>, window: Duration) -> Arc<dyn RateLimiter> {
    let in_process = Arc::new(MemoryLimiter::new(window));
    match redis {
        Some(redis) => Arc::new(RedisLimiter::new(redis.clone(), in_process)),
        None => in_process,
    }
}

/// The ports of the store, cached unless `CACHE_TTL` is zero, and traced where traces are collected.
fn stores(config: &Config, backend: &Backend, metrics: &mut Metrics) -> Stores {
    let inner = traced(config, backend.store().ports());
    if config.cache_ttl.is_zero() {
        return inner;
    }
    let cache: Arc<dyn Cache> = match backend.redis() {
        Some(redis) => Arc::new(RedisCache::new(redis.clone(), CACHE_BYTES)),
        None => Arc::new(MemoryCache::new(CACHE_BYTES)),
    };
    clear_on_unseen_writes(backend, &cache);
    let ttl = config.cache_ttl;
    let sessions = Arc::new(CachedSessions::new(inner.sessions, cache.clone(), ttl));
    let products = Arc::new(CachedProducts::new(inner.products, cache.clone(), ttl));
    let api_keys = Arc::new(CachedApiKeys::new(inner.api_keys.clone(), cache.clone(), ttl));
    metrics.push(sessions.clone());
    metrics.push(api_keys.clone());
    metrics.push(products.clone());
    Stores {
        users: Arc::new(CachedUsers::new(inner.users, inner.api_keys, cache.clone())),
        account_tokens: Arc::new(CachedAccountTokens::new(inner.account_tokens, cache.clone())),
        sessions,
        tickets: inner.tickets,
        api_keys,
        second_factors: Arc::new(CachedSecondFactors::new(inner.second_factors, cache.clone())),
        products,
        orders: Arc::new(CachedOrders::new(inner.orders, cache)),
        audit: inner.audit,
        jobs: inner.jobs,
        events: inner.events,
        webhooks: inner.webhooks,
        deliveries: inner.deliveries,
    }
}

/// The ports of the store, with the orders counted.
fn counted(inner: Stores, metrics: &mut Metrics) -> Stores {
    let orders = Arc::new(CountedOrders::new(inner.orders));
    metrics.push(orders.clone());
    Stores { orders, ..inner }
}

/// The ports of the store, with a span around each call where traces are collected.
fn traced(config: &Config, inner: Stores) -> Stores {
    if config.traces.is_none() {
        return inner;
    }
    Stores {
        users: Arc::new(TracedUsers(inner.users)),
        account_tokens: Arc::new(TracedAccountTokens(inner.account_tokens)),
        sessions: Arc::new(TracedSessions(inner.sessions)),
        tickets: Arc::new(TracedTickets(inner.tickets)),
        api_keys: Arc::new(TracedApiKeys(inner.api_keys)),
        second_factors: Arc::new(TracedSecondFactors(inner.second_factors)),
        products: Arc::new(TracedProducts(inner.products)),
        orders: Arc::new(TracedOrders(inner.orders)),
        audit: Arc::new(TracedAuditLog(inner.audit)),
        jobs: Arc::new(TracedJobs(inner.jobs)),
        events: inner.events,
        webhooks: Arc::new(TracedWebhooks(inner.webhooks)),
        deliveries: Arc::new(TracedDeliveries(inner.deliveries)),
    }
}

/// Clears the cache when a write did not pass its decorators: a write of a command beside a running server, which Redis
/// does not report, and a write that was committed although its caller was told that the server is unreachable.
fn clear_on_unseen_writes(backend: &Backend, cache: &Arc<dyn Cache>) {
    let cache = cache.clone();
    match backend.store() {
        Store::Sqlite(store) if backend.redis().is_none() => {
            store.on_foreign_write(move || futures_executor::block_on(cache.clear()));
        }
        Store::Sqlite(_) => {}
        Store::Postgres(store) => store.on_unseen_write(move || {
            let cache = cache.clone();
            Box::pin(async move { cache.clear().await })
        }),
    }
}

/// What serves.
pub struct Serving {
    /// The state of the HTTP edge.
    pub state: Arc<HttpState>,
    /// The jobs beside it, if there are to be any.
    pub jobs: Option<Jobs>,
    /// Writes and sends webhooks, if there is to be a worker.
    pub deliveries: Option<DeliveryWorker>,
    /// Numbers events, and wakes those who follow the log.
    pub relay: Relay,
}

/// Whether a process runs the background jobs.
pub enum Work {
    /// It leaves them to another one.
    Elsewhere,
    /// It runs them. The notice, if there is one, is called when jobs have changed orders: it tells the servers, whose
    /// caches are not this process's.
    Here(Option<ChangeNotice>),
}

/// Builds what serves. `port` is where the API is served.
pub fn serving(
    config: &Config,
    backend: &Backend,
    access_log: Arc<dyn AccessLog>,
    work: Work,
    port: u16,
) -> Result<Serving> {
    let settings = HttpSettings {
        body_limit: config.body_limit,
        request_timeout: config.request_timeout,
        tls: config.tls.is_some(),
        allowed_origins: config.allowed_origins.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        cursor_keys: config.secrets.refresh.iter().map(|secret| cursor_key(secret)).collect(),
        default_currency: config.default_currency,
        production: config.environment == Environment::Production,
    };
    let mut metrics: Metrics = vec![Arc::new(Process)];
    metrics.extend(backend.metrics());
    let signal = signal(backend);
    let wake = EventWake::default();
    let wakers = Wakers { wake: wake.clone(), signal: Some(signal.clone()) };
    let application = build(config, backend, &mut metrics, wakers);
    let with_worker = matches!(work, Work::Here(_));
    let jobs = if let Work::Here(changed) = work {
        let mailer = jobs::mailer(config, port)?;
        metrics.push(mailer.clone());
        let jobs = Jobs::new(config, backend, &application, mailer, changed, &wake)?;
        metrics.push(jobs.metrics());
        Some(jobs)
    } else {
        None
    };
    let deliveries = with_worker.then(|| webhooks::worker(config, backend, wake.clone()));
    metrics.extend(deliveries.as_ref().map(DeliveryWorker::metrics));
    let state = HttpState::new(application, backend.health(), Arc::new(UuidV7), settings);
    let state = Arc::new(state.with_metric_sources(metrics).with_access_log(access_log));
    Ok(Serving { state, jobs, deliveries, relay: relay(backend, signal, wake) })
}

fn relay(backend: &Backend, signal: Arc<dyn EventSignal>, wake: EventWake) -> Relay {
    Relay::new(RelayPorts { log: backend.store().ports().events, signal, wake })
}

/// Wakes those who follow the log in other processes.
fn signal(backend: &Backend) -> Arc<dyn EventSignal> {
    match backend.redis() {
        Some(redis) => Arc::new(RedisSignal::new(redis)),
        None => Arc::new(NoSignal),
    }
}

fn keys(secrets: &Secrets) -> JwtKeys<'_> {
    let Secrets { private, access, refresh } = secrets;
    JwtKeys {
        private,
        access: access.iter().map(String::as_bytes).collect(),
        refresh: refresh.iter().map(String::as_bytes).collect(),
    }
}

/// The key that signs cursors. It is derived, so that the signature of a cursor never equals that of a token. Equal on
/// all instances.
fn cursor_key(secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"entrepot cursor\0").chain_update(secret.as_bytes()).finalize().into()
}
