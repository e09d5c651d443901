//! The one place where adapters are chosen, and everything is built by constructor.

use std::sync::Arc;

use anyhow::{Context, Result};
use entrepot_application::{
    Application, Limits,
    auth::{AuthPorts, AuthService, AuthSettings, CachedSessions, LoginThrottle},
    order::{CachedOrders, OrderPorts, OrderService},
    product::{CachedProducts, ProductPorts, ProductService},
    user::{CachedUsers, UserPorts, UserService},
};
use entrepot_domain::{
    Cache, Clock, HealthCheck, IdGenerator, Quota, RateLimiter,
    auth::{PasswordHasher, SessionRepository, TokenIssuer},
    order::OrderRepository,
    product::ProductRepository,
    user::UserRepository,
};
use entrepot_http::{HttpSettings, HttpState};
use entrepot_memory::{MemoryCache, MemoryLimiter, SystemClock, UuidV7};
use entrepot_security::{BcryptHasher, JwtIssuer, JwtKeys};
use entrepot_sqlite::{SqliteOptions, SqliteStore};
use sha2::{Digest, Sha256};

use crate::config::Config;

/// Who signs the tokens, and for whom.
const ISSUER: &str = "entrepot";
const AUDIENCE: &str = "entrepot-api";

/// The most bytes that the cache keeps.
const CACHE_BYTES: u64 = 8 << 20;

/// The store ports, with or without a decorator that remembers.
struct Stores {
    users: Arc<dyn UserRepository>,
    sessions: Arc<dyn SessionRepository>,
    products: Arc<dyn ProductRepository>,
    orders: Arc<dyn OrderRepository>,
}

/// Opens the store that the configuration names, with its schema up to date.
pub fn open(config: &Config) -> Result<SqliteStore> {
    if let Some(folder) = config.database.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    SqliteStore::open(&SqliteOptions::new(&config.database))
}

/// Builds all use cases over that store.
pub fn compose(config: &Config, store: &SqliteStore) -> Application {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn IdGenerator> = Arc::new(UuidV7);
    let hasher: Arc<dyn PasswordHasher> = Arc::new(BcryptHasher::new(config.bcrypt_cost));
    let keys = JwtKeys { access: config.secrets.access.as_bytes(), refresh: config.secrets.refresh.as_bytes() };
    let tokens: Arc<dyn TokenIssuer> = Arc::new(JwtIssuer::new(&keys, ISSUER, AUDIENCE));

    let window = config.limits.map(|limits| limits.window).unwrap_or_default();
    let limiter: Arc<dyn RateLimiter> = Arc::new(MemoryLimiter::new(window));
    let quota = |limit: u32| Quota { limit, window };
    let limits = Limits::new(
        limiter.clone(),
        config.limits.map(|limits| quota(limits.address)),
        config.limits.map(|limits| quota(limits.user)),
    );
    let throttle = Arc::new(LoginThrottle::new(limiter, config.limits.map(|limits| quota(limits.login))));

    let Stores { users, sessions, products, orders } = stores(config, store);
    let settings = AuthSettings {
        access_ttl: config.access_token_ttl,
        refresh_ttl: config.refresh_token_ttl,
        refresh_grace: config.refresh_token_grace,
    };
    let auth = AuthPorts {
        users: users.clone(),
        sessions,
        hasher: hasher.clone(),
        tokens,
        throttle: throttle.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
    };
    Application {
        auth: AuthService::new(auth, settings),
        users: UserService::new(UserPorts { users, hasher, throttle, clock: clock.clone(), ids: ids.clone() }),
        products: ProductService::new(ProductPorts { products, clock: clock.clone(), ids: ids.clone() }),
        orders: OrderService::new(OrderPorts { orders, clock, ids }),
        limits,
    }
}

fn stores(config: &Config, store: &SqliteStore) -> Stores {
    let plain = Arc::new(store.clone());
    if config.cache_ttl.is_zero() {
        return Stores { users: plain.clone(), sessions: plain.clone(), products: plain.clone(), orders: plain };
    }
    let cache: Arc<dyn Cache> = Arc::new(MemoryCache::new(CACHE_BYTES));
    let foreign = cache.clone();
    // An import beside a running server, for one, writes past its decorators.
    store.on_foreign_write(move || futures_executor::block_on(foreign.clear()));
    Stores {
        users: Arc::new(CachedUsers::new(plain.clone(), cache.clone())),
        sessions: Arc::new(CachedSessions::new(plain.clone(), cache.clone(), config.cache_ttl)),
        products: Arc::new(CachedProducts::new(plain.clone(), cache.clone(), config.cache_ttl)),
        orders: Arc::new(CachedOrders::new(plain, cache)),
    }
}

/// The state of the HTTP edge over these use cases.
pub fn http_state(config: &Config, store: &SqliteStore) -> Arc<HttpState> {
    let health: Vec<Arc<dyn HealthCheck>> = vec![Arc::new(store.clone())];
    let settings = HttpSettings {
        body_limit: config.body_limit,
        request_timeout: config.request_timeout,
        shutdown_timeout: config.shutdown_timeout,
        allowed_origins: config.allowed_origins.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        cursor_key: cursor_key(&config.secrets.access),
        default_currency: config.default_currency,
    };
    Arc::new(HttpState::new(compose(config, store), health, Arc::new(UuidV7), settings))
}

/// A key of its own for cursors, so that a signature of one kind is never one of another. The same on all instances.
fn cursor_key(secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"entrepot cursor\0").chain_update(secret.as_bytes()).finalize().into()
}
