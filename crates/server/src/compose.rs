//! The one place where adapters are chosen, and everything is built by constructor.

use std::{sync::Arc, time::Duration};

use entrepot_application::{
    Application, Limits,
    api_key::{ApiKeyPorts, ApiKeyService},
    audit::{AuditPorts, AuditService},
    auth::{AuthPorts, AuthService, AuthSettings, LoginThrottle},
    order::{OrderPorts, OrderService},
    product::{ProductPorts, ProductService},
    second_factor::{SecondFactorPorts, SecondFactorService},
    user::{UserPorts, UserService},
};
use entrepot_cached::{CachedApiKeys, CachedOrders, CachedProducts, CachedSecondFactors, CachedSessions, CachedUsers};
use entrepot_domain::{
    Cache, Clock, IdGenerator, MetricSource, Quota, RateLimiter,
    api_key::Randomness,
    auth::{PasswordHasher, TokenIssuer},
    second_factor::Sealer,
};
use entrepot_http::{AccessLog, HttpSettings, HttpState};
use entrepot_memory::{MemoryCache, MemoryLimiter, SystemClock, UuidV7};
use entrepot_redis::{Redis, RedisCache, RedisLimiter};
use entrepot_security::{AesSealer, BcryptHasher, JwtIssuer, JwtKeys, SystemRandomness};
use entrepot_telemetry::ports::{
    TracedApiKeys, TracedAuditLog, TracedHasher, TracedOrders, TracedProducts, TracedSecondFactors, TracedSessions,
    TracedUsers,
};
use sha2::{Digest, Sha256};

use crate::{
    backend::{Backend, Store, Stores},
    config::{Config, Secrets},
    process::Process,
};

/// Who signs the tokens, and for whom.
const ISSUER: &str = "entrepot";
const AUDIENCE: &str = "entrepot-api";

/// The most bytes that the cache keeps.
const CACHE_BYTES: u64 = 8 << 20;

/// All that is told to whoever watches the service.
type Watched = Vec<Arc<dyn MetricSource>>;

/// Builds all use cases over what is open.
pub fn compose(config: &Config, backend: &Backend) -> Application {
    build(config, backend, &mut Watched::new())
}

/// The same, adding to `watched` what has something to tell.
fn build(config: &Config, backend: &Backend, watched: &mut Watched) -> Application {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn IdGenerator> = Arc::new(UuidV7);
    let hasher = Arc::new(BcryptHasher::new(config.bcrypt_cost));
    watched.push(hasher.clone());
    let hasher: Arc<dyn PasswordHasher> = match &config.traces {
        Some(_) => Arc::new(TracedHasher(hasher)),
        None => hasher,
    };
    let tokens: Arc<dyn TokenIssuer> = Arc::new(JwtIssuer::new(&keys(&config.secrets), ISSUER, AUDIENCE));

    let random: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let sealer: Arc<dyn Sealer> = Arc::new(AesSealer::new(config.secrets.refresh.iter().map(String::as_bytes)));

    let window = config.limits.map(|limits| limits.window).unwrap_or_default();
    let limiter = limiter(backend.redis(), window);
    let quota = |limit: u32| Quota { limit, window };
    let limits = Limits::new(
        limiter.clone(),
        config.limits.map(|limits| quota(limits.address)),
        config.limits.map(|limits| quota(limits.user)),
    );
    let throttle = Arc::new(LoginThrottle::new(limiter, config.limits.map(|limits| quota(limits.login))));

    let Stores { users, sessions, api_keys, second_factors, products, orders, audit } =
        stores(config, backend, watched);
    let settings = AuthSettings {
        access_ttl: config.access_token_ttl,
        refresh_ttl: config.refresh_token_ttl,
        refresh_grace: config.refresh_token_grace,
    };
    let auth = AuthPorts {
        users: users.clone(),
        sessions,
        hasher: hasher.clone(),
        second_factors: second_factors.clone(),
        sealer: sealer.clone(),
        tokens,
        throttle: throttle.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    let api_keys = ApiKeyPorts { keys: api_keys, random: random.clone(), clock: clock.clone(), ids: ids.clone() };
    let second_factors = SecondFactorPorts {
        factors: second_factors,
        users: users.clone(),
        hasher: hasher.clone(),
        sealer,
        random,
        throttle: throttle.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    Application {
        auth: AuthService::new(auth, settings),
        api_keys: ApiKeyService::new(api_keys),
        second_factors: SecondFactorService::new(second_factors),
        users: UserService::new(UserPorts { users, hasher, throttle, clock: clock.clone(), ids: ids.clone() }),
        products: ProductService::new(ProductPorts { products, clock: clock.clone(), ids: ids.clone() }),
        orders: OrderService::new(OrderPorts { orders, clock, ids }),
        audit: AuditService::new(AuditPorts { log: audit }),
        limits,
    }
}

/// Shared by all instances through Redis, and in the process without it or while it is away.
fn limiter(redis: Option<&Redis>, window: Duration) -> Arc<dyn RateLimiter> {
    let own = Arc::new(MemoryLimiter::new(window));
    match redis {
        Some(redis) => Arc::new(RedisLimiter::new(redis.clone(), own)),
        None => own,
    }
}

/// The store's ports, with what is often read remembered.
fn stores(config: &Config, backend: &Backend, watched: &mut Watched) -> Stores {
    let plain = traced(config, backend.store().ports());
    if config.cache_ttl.is_zero() {
        return plain;
    }
    let cache: Arc<dyn Cache> = match backend.redis() {
        Some(redis) => Arc::new(RedisCache::new(redis.clone(), CACHE_BYTES)),
        None => Arc::new(MemoryCache::new(CACHE_BYTES)),
    };
    forget_what_was_written_unseen(backend, &cache);
    let ttl = config.cache_ttl;
    let sessions = Arc::new(CachedSessions::new(plain.sessions, cache.clone(), ttl));
    let products = Arc::new(CachedProducts::new(plain.products, cache.clone(), ttl));
    let api_keys = Arc::new(CachedApiKeys::new(plain.api_keys.clone(), cache.clone(), ttl));
    watched.push(sessions.clone());
    watched.push(api_keys.clone());
    watched.push(products.clone());
    Stores {
        users: Arc::new(CachedUsers::new(plain.users, plain.api_keys, cache.clone())),
        sessions,
        api_keys,
        second_factors: Arc::new(CachedSecondFactors::new(plain.second_factors, cache.clone())),
        products,
        orders: Arc::new(CachedOrders::new(plain.orders, cache)),
        audit: plain.audit,
    }
}

/// The store's ports, each of whose calls is told of where traces are collected.
fn traced(config: &Config, plain: Stores) -> Stores {
    if config.traces.is_none() {
        return plain;
    }
    Stores {
        users: Arc::new(TracedUsers(plain.users)),
        sessions: Arc::new(TracedSessions(plain.sessions)),
        api_keys: Arc::new(TracedApiKeys(plain.api_keys)),
        second_factors: Arc::new(TracedSecondFactors(plain.second_factors)),
        products: Arc::new(TracedProducts(plain.products)),
        orders: Arc::new(TracedOrders(plain.orders)),
        audit: Arc::new(TracedAuditLog(plain.audit)),
    }
}

/// Some writes go past the decorators: those of a command beside a running server, where Redis does not tell of them,
/// and those that went through although their caller was told that the server is away.
fn forget_what_was_written_unseen(backend: &Backend, cache: &Arc<dyn Cache>) {
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

/// The state of the HTTP edge over these use cases.
pub fn http_state(config: &Config, backend: &Backend, access_log: Arc<dyn AccessLog>) -> Arc<HttpState> {
    let settings = HttpSettings {
        body_limit: config.body_limit,
        request_timeout: config.request_timeout,
        tls: config.tls.is_some(),
        shutdown_grace: config.shutdown_grace,
        shutdown_timeout: config.shutdown_timeout,
        allowed_origins: config.allowed_origins.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        cursor_keys: config.secrets.refresh.iter().map(|secret| cursor_key(secret)).collect(),
        default_currency: config.default_currency,
    };
    let mut watched: Watched = vec![Arc::new(Process)];
    watched.extend(backend.metrics());
    let application = build(config, backend, &mut watched);
    let state = HttpState::new(application, backend.health(), Arc::new(UuidV7), settings);
    Arc::new(state.watching(watched).logging(access_log))
}

fn keys(secrets: &Secrets) -> JwtKeys<'_> {
    let Secrets { private, access, refresh } = secrets;
    JwtKeys {
        private,
        access: access.iter().map(String::as_bytes).collect(),
        refresh: refresh.iter().map(String::as_bytes).collect(),
    }
}

/// A key of its own for cursors, so that a signature of one kind is never one of another. The same on all instances.
fn cursor_key(secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"entrepot cursor\0").chain_update(secret.as_bytes()).finalize().into()
}
