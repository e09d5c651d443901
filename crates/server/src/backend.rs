//! The connections of the process: the store, and Redis if it is configured.

use std::sync::Arc;

use anyhow::{Context, Result};
use entrepot_domain::{
    HealthCheck, MetricSource,
    api_key::ApiKeyRepository,
    audit::AuditLog,
    auth::{SessionRepository, TicketRepository},
    event::EventLog,
    job::{JobQueue, JobRepository},
    order::OrderRepository,
    product::ProductRepository,
    second_factor::SecondFactorRepository,
    user::{AccountTokenRepository, UserRepository},
    webhook::{DeliveryQueue, DeliveryRepository, WebhookRepository},
};
use entrepot_postgres::PostgresStore;
use entrepot_redis::{Redis, RedisOptions};
use entrepot_sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::{Builder, Runtime};

use crate::config::{Config, Database};

/// The store of `DATABASE_URL`.
pub enum Store {
    /// A file.
    Sqlite(SqliteStore),
    /// A server.
    Postgres(PostgresStore),
}

/// The store ports, with or without decorators.
#[derive(Clone)]
pub struct Stores {
    /// Users.
    pub users: Arc<dyn UserRepository>,
    /// Tokens that are mailed to users.
    pub account_tokens: Arc<dyn AccountTokenRepository>,
    /// Sessions.
    pub sessions: Arc<dyn SessionRepository>,
    /// Tickets.
    pub tickets: Arc<dyn TicketRepository>,
    /// API keys.
    pub api_keys: Arc<dyn ApiKeyRepository>,
    /// Second factors.
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// Products.
    pub products: Arc<dyn ProductRepository>,
    /// Orders.
    pub orders: Arc<dyn OrderRepository>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// Jobs, as admins see them.
    pub jobs: Arc<dyn JobRepository>,
    /// The event log.
    pub events: Arc<dyn EventLog>,
    /// Endpoints of webhooks.
    pub webhooks: Arc<dyn WebhookRepository>,
    /// Deliveries, as staff see them.
    pub deliveries: Arc<dyn DeliveryRepository>,
}

impl Stores {
    fn of<S>(store: &S) -> Self
    where
        S: UserRepository
            + AccountTokenRepository
            + SessionRepository
            + TicketRepository
            + ApiKeyRepository
            + SecondFactorRepository
            + ProductRepository
            + OrderRepository
            + AuditLog
            + JobRepository
            + EventLog
            + WebhookRepository
            + DeliveryRepository
            + Clone
            + 'static,
    {
        let store = Arc::new(store.clone());
        Self {
            users: store.clone(),
            account_tokens: store.clone(),
            sessions: store.clone(),
            tickets: store.clone(),
            api_keys: store.clone(),
            second_factors: store.clone(),
            products: store.clone(),
            orders: store.clone(),
            audit: store.clone(),
            jobs: store.clone(),
            events: store.clone(),
            webhooks: store.clone(),
            deliveries: store,
        }
    }
}

impl Store {
    /// Opens the store and brings its schema up to date. Blocks.
    fn open(config: &Config) -> Result<Self> {
        match &config.database {
            Database::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    let cannot = || format!("cannot make the folder {}", folder.display());
                    std::fs::create_dir_all(folder).with_context(cannot)?;
                }
                Ok(Self::Sqlite(SqliteStore::open(&SqliteOptions::new(path))?))
            }
            Database::Postgres(options) => {
                entrepot_postgres::migrate(options)?;
                Ok(Self::Postgres(PostgresStore::open(options)?))
            }
        }
    }

    /// Its ports without decorators.
    pub fn ports(&self) -> Stores {
        match self {
            Self::Sqlite(store) => Stores::of(store),
            Self::Postgres(store) => Stores::of(store),
        }
    }

    /// Its jobs, for a worker.
    pub fn queue(&self) -> Arc<dyn JobQueue> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Its deliveries, for a worker.
    pub fn deliveries(&self) -> Arc<dyn DeliveryQueue> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    fn health(&self) -> Arc<dyn HealthCheck> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    fn metrics(&self) -> Arc<dyn MetricSource> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close(),
            Self::Postgres(store) => store.close(),
        }
    }
}

/// Redis, and the runtime of its connections.
struct RedisClient {
    redis: Redis,
    runtime: Runtime,
}

impl RedisClient {
    fn connect(options: &RedisOptions) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("redis").enable_all().build()?;
        let redis = runtime.block_on(Redis::connect(options.clone()))?;
        Ok(Self { redis, runtime })
    }

    fn close(self) {
        self.runtime.block_on(self.redis.close());
        self.runtime.shutdown_background();
    }
}

/// Connects to Redis and checks that it answers. Blocks, as [`Backend::open`] does.
pub fn check_redis(options: &RedisOptions) -> Result<()> {
    let client = RedisClient::connect(options)?;
    let answer = client.runtime.block_on(client.redis.check());
    client.close();
    Ok(answer?)
}

/// The open store and Redis.
pub struct Backend {
    store: Store,
    redis: Option<RedisClient>,
}

impl Backend {
    /// Opens what is configured. A store that cannot be reached is an error; Redis may come later. Blocks, and must not be
    /// called from a thread of an async runtime.
    pub fn open(config: &Config) -> Result<Self> {
        let store = Store::open(config)?;
        let redis = config.redis.as_ref().map(RedisClient::connect).transpose()?;
        Ok(Self { store, redis })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Redis, if it is configured.
    pub fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref().map(|client| &client.redis)
    }

    /// The dependencies that readiness checks.
    pub fn health(&self) -> Vec<Arc<dyn HealthCheck>> {
        let redis = self.redis().map(|redis| -> Arc<dyn HealthCheck> { Arc::new(redis.clone()) });
        std::iter::once(self.store.health()).chain(redis).collect()
    }

    /// The metrics of the dependencies.
    pub fn metrics(&self) -> Vec<Arc<dyn MetricSource>> {
        let redis = self.redis().map(|redis| -> Arc<dyn MetricSource> { Arc::new(redis.clone()) });
        std::iter::once(self.store.metrics()).chain(redis).collect()
    }

    /// Ends a command: running servers that cache in their own memory are notified that something was written. With SQLite
    /// they notice by themselves, and with Redis they know already.
    pub fn finish(self) -> Result<()> {
        let notified = match &self.store {
            Store::Postgres(store) if self.redis.is_none() => futures_executor::block_on(store.notify_of_writes()),
            _ => Ok(()),
        };
        self.close();
        Ok(notified?)
    }

    /// Finishes what was begun and closes all connections. Blocks, as [`open`](Self::open) does.
    pub fn close(self) {
        self.store.close();
        if let Some(client) = self.redis {
            client.close();
        }
    }
}
