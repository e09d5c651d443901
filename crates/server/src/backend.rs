//! What the process keeps open: the store, and Redis if there is one.

use std::sync::Arc;

use anyhow::{Context, Result};
use entrepot_domain::{
    HealthCheck, MetricSource, api_key::ApiKeyRepository, audit::AuditLog, auth::SessionRepository,
    order::OrderRepository, product::ProductRepository, second_factor::SecondFactorRepository, user::UserRepository,
};
use entrepot_postgres::PostgresStore;
use entrepot_redis::{Redis, RedisOptions};
use entrepot_sqlite::{SqliteOptions, SqliteStore};
use tokio::runtime::{Builder, Runtime};

use crate::config::{Config, Database};

/// The store that the configuration names.
pub enum Store {
    /// A file.
    Sqlite(SqliteStore),
    /// A server.
    Postgres(PostgresStore),
}

/// The store ports, with or without a decorator that remembers.
#[derive(Clone)]
pub struct Stores {
    /// Users.
    pub users: Arc<dyn UserRepository>,
    /// Logins.
    pub sessions: Arc<dyn SessionRepository>,
    /// Keys of machines.
    pub api_keys: Arc<dyn ApiKeyRepository>,
    /// Second factors.
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// The catalogue.
    pub products: Arc<dyn ProductRepository>,
    /// Orders.
    pub orders: Arc<dyn OrderRepository>,
    /// What was done.
    pub audit: Arc<dyn AuditLog>,
}

impl Stores {
    fn of<S>(store: &S) -> Self
    where
        S: UserRepository
            + SessionRepository
            + ApiKeyRepository
            + SecondFactorRepository
            + ProductRepository
            + OrderRepository
            + AuditLog
            + Clone
            + 'static,
    {
        let store = Arc::new(store.clone());
        Self {
            users: store.clone(),
            sessions: store.clone(),
            api_keys: store.clone(),
            second_factors: store.clone(),
            products: store.clone(),
            orders: store.clone(),
            audit: store,
        }
    }
}

impl Store {
    /// Opens it with its schema up to date. Blocks.
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

    /// Its ports, as they are.
    pub fn ports(&self) -> Stores {
        match self {
            Self::Sqlite(store) => Stores::of(store),
            Self::Postgres(store) => Stores::of(store),
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

/// Redis, and the thread that talks to it.
struct Shared {
    redis: Redis,
    runtime: Runtime,
}

impl Shared {
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

/// Whether a Redis is fit for work. Blocks, as [`Backend::open`] does.
pub fn ask_redis(options: &RedisOptions) -> Result<()> {
    let shared = Shared::connect(options)?;
    let answer = shared.runtime.block_on(shared.redis.check());
    shared.close();
    Ok(answer?)
}

/// Everything that is open.
pub struct Backend {
    store: Store,
    shared: Option<Shared>,
}

impl Backend {
    /// Opens what the configuration names. A store that cannot be reached is an error; Redis is done without until it
    /// can be. Blocks, and is not to be called from a thread of an async runtime.
    pub fn open(config: &Config) -> Result<Self> {
        let store = Store::open(config)?;
        let shared = match &config.redis {
            Some(options) => {
                let runtime =
                    Builder::new_multi_thread().worker_threads(1).thread_name("redis").enable_all().build()?;
                let redis = runtime.block_on(Redis::connect(options.clone()))?;
                Some(Shared { redis, runtime })
            }
            None => None,
        };
        Ok(Self { store, shared })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Redis, if there is one.
    pub fn redis(&self) -> Option<&Redis> {
        self.shared.as_ref().map(|shared| &shared.redis)
    }

    /// All that can be asked how it is.
    pub fn health(&self) -> Vec<Arc<dyn HealthCheck>> {
        let redis = self.redis().map(|redis| -> Arc<dyn HealthCheck> { Arc::new(redis.clone()) });
        std::iter::once(self.store.health()).chain(redis).collect()
    }

    /// All that have something to tell to whoever watches.
    pub fn metrics(&self) -> Vec<Arc<dyn MetricSource>> {
        let redis = self.redis().map(|redis| -> Arc<dyn MetricSource> { Arc::new(redis.clone()) });
        std::iter::once(self.store.metrics()).chain(redis).collect()
    }

    /// What a command does last: servers that remember what they read, each for itself, hear that it may be old. SQLite
    /// notices by itself; through Redis they know already.
    pub fn finish(self) -> Result<()> {
        let told = match &self.store {
            Store::Postgres(store) if self.shared.is_none() => futures_executor::block_on(store.tell_of_writes()),
            _ => Ok(()),
        };
        self.close();
        Ok(told?)
    }

    /// Finishes what was begun and lets go of everything. Blocks, as [`open`](Self::open) does.
    pub fn close(self) {
        self.store.close();
        if let Some(shared) = self.shared {
            shared.close();
        }
    }
}
