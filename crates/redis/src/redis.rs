//! The connection.

mod watcher;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use async_trait::async_trait;
use bytes::Bytes;
use entrepot_domain::{Fault, HealthCheck, MetricSource, Sample};
use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike as _, ClusterInterface as _},
    types::{InfoKind, Key, Value, config::Server},
};
use futures_util::future::{try_join, try_join_all};
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{AbortHandle, JoinHandle},
    time::timeout,
};

use self::watcher::{TRY, keep, watch};
use crate::{
    breaker::{Breaker, Closing, Owed},
    cache,
    keys::Names,
    options::{CONNECT, RedisOptions},
    script::Script,
    token::Tokens,
    told::{self, told},
};

/// What an operator calls it.
const REDIS: &str = "redis";

/// Tries more than a PING: a Redis that is full, or read-only, or lets this user run no scripts, is of no use.
const PROBE: &str = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/// A connection to Redis that many tasks on any runtimes share, and a circuit breaker around it.
///
/// A command that fails or takes longer than 100 ms (see [`RedisOptions::patience`]) opens the breaker, and so does the
/// loss of the connection; from then on nobody asks Redis. A task probes it all the time, and closes the breaker when
/// Redis takes writes again and was told all that it was to forget.
#[derive(Clone)]
pub struct Redis {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    options: RedisOptions,
    client: RwLock<Client>,
    pub(crate) names: Names,
    pub(crate) breaker: Breaker,
    pub(crate) tokens: Tokens,
    /// Where work goes that must outlive the request that began it.
    pub(crate) runtime: Handle,
    pub(crate) forgetting: Script,
    leaving: Script,
    /// The caches that may have leases.
    holders: Mutex<Vec<u64>>,
    probe: Script,
    /// Who answered last, to find out that it is another one, which may remember what this one was told to forget.
    identity: Mutex<Option<String>>,
    /// Whether a connection was lost since then.
    lost: AtomicBool,
    /// Has the connection made anew.
    hung: Notify,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Redis {
    /// Connects, and waits for it a second or so. A Redis that is down is no error: it is served without, and comes
    /// back by itself. Call it on a runtime that lives as long as the process; the tasks behind it stay there, until
    /// [`close`](Self::close).
    ///
    /// # Errors
    /// The system has no randomness.
    pub async fn connect(options: RedisOptions) -> Result<Self> {
        let shared = Arc::new(Shared {
            client: RwLock::new(options.client(&[])),
            names: Names::new(options.key_prefix()),
            options,
            breaker: Breaker::new(),
            tokens: Tokens::new().context("no randomness")?,
            runtime: Handle::current(),
            forgetting: Script::new(cache::FORGET),
            leaving: Script::new(cache::LEAVE),
            holders: Mutex::default(),
            probe: Script::new(PROBE),
            identity: Mutex::new(None),
            lost: AtomicBool::new(false),
            hung: Notify::new(),
            tasks: Mutex::default(),
        });
        let mut news = shared.breaker.news();
        let tasks = [tokio::spawn(keep(shared.clone())), tokio::spawn(watch(shared.clone()))];
        shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
        let redis = Self { shared };
        timeout(CONNECT + TRY, news.changed()).await.ok();
        if redis.shared.breaker.enter().is_none() {
            let reason = redis.shared.breaker.why().unwrap_or_else(|| "no answer".into());
            tracing::warn!(reason, "redis does not answer: beginning without it");
        }
        Ok(redis)
    }

    /// Ends the connection and its tasks. What is asked afterwards is served as if Redis were down, and what is to be
    /// forgotten is not told to it: close it when the last write is done.
    pub async fn close(&self) {
        let tasks = std::mem::take(&mut *self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
        }
        let answers = self.shared.breaker.enter().is_some();
        self.shared.breaker.shut();
        if answers {
            self.shared.leave().await;
        }
        timeout(TRY, self.shared.client().quit()).await.ok();
    }
}

impl Shared {
    /// The client of the present connection.
    pub(crate) fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long one command may take.
    pub(crate) fn patience(&self) -> Duration {
        self.options.command_timeout()
    }

    /// Whether Redis is many, each with some of the keys.
    pub(crate) fn clustered(&self) -> bool {
        self.options.clustered()
    }

    /// Runs a script, if Redis may be asked; none if it may not, or the answer is not to be believed.
    pub(crate) async fn run(&self, script: &Script, keys: Vec<Key>, args: Vec<Value>) -> Option<Value> {
        let asked = self.breaker.enter()?;
        match script.run(&self.client(), keys, args).await {
            Ok(answer) => self.breaker.is_still(asked).then_some(answer),
            Err(error) => {
                self.breaker.open(&told(&error));
                None
            }
        }
    }

    /// Runs a task that lives as long as the connection, for a cache that has a lease under that name.
    pub(crate) fn keep(&self, holder: u64, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).push(holder);
        let task = self.runtime.spawn(task);
        let handle = task.abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        handle
    }

    /// Lets nobody wait for the leases of this instance, which serves no more.
    async fn leave(&self) {
        let holders = std::mem::take(&mut *self.holders.lock().unwrap_or_else(PoisonError::into_inner));
        let [state, _] = self.names.log();
        let args: Vec<Value> = holders.iter().map(|holder| Value::from(holder.to_string())).collect();
        if !args.is_empty() {
            // If it fails, they end by themselves.
            timeout(self.patience(), self.leaving.run(&self.client(), vec![state], args)).await.ok();
        }
    }

    fn lose(&self, why: &str) {
        self.lost.store(true, SeqCst);
        self.breaker.open(why);
    }

    /// Says that an answer made no sense.
    pub(crate) fn misunderstood(&self, answer: &Value) {
        self.breaker.open(&format!("an answer that was not expected: {:?}", answer.kind()));
    }

    /// Of a cluster, every node must answer: each has some of the keys.
    async fn probe(&self) -> Result<(), Error> {
        let client = self.client();
        let nodes = nodes(&client).into_iter().map(|node| client.with_cluster_node(node));
        let all = try_join_all(nodes.map(|node| async move { node.ping::<()>(None).await }));
        try_join(self.probe.run(&client, vec![self.names.probe()], Vec::new()), all).await.map(drop)
    }

    /// Tries to close the breaker; tells whether it did.
    async fn recover(&self, pause: Duration) -> Result<bool, Error> {
        let failures = self.breaker.failures();
        self.probe().await?;
        if self.is_another().await? {
            self.breaker.owe(Owed::everything()).ok();
        }
        // What comes in while this is paid must be paid as well.
        loop {
            match self.breaker.close(failures, pause) {
                Closing::Closed => return Ok(true),
                Closing::Failed => return Ok(false),
                Closing::Owes => {
                    let owed = self.breaker.take();
                    if let Err(error) = self.pay(&owed).await {
                        self.breaker.open_owing(&told(&error), owed);
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Whether another Redis may have answered than before the connection was lost: a restarted one that read an old
    /// snapshot, or a replica that took over, may remember what the other was told to forget.
    async fn is_another(&self) -> Result<bool, Error> {
        let lost = self.lost.swap(false, SeqCst);
        let who = match self.identity().await {
            Ok(who) => who,
            Err(error) => {
                self.lost.fetch_or(lost, SeqCst);
                return Err(error);
            }
        };
        let mut identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let before = identity.replace(who.clone());
        drop(identity);
        Ok(match before {
            None => false,
            // One that does not say who it is may be any.
            Some(before) => before != who || (who.is_empty() && lost),
        })
    }

    /// The run identifiers of Redis; empty if it does not say, or in a cluster, whose nodes are too many to ask.
    async fn identity(&self) -> Result<String, Error> {
        if self.clustered() {
            return Ok(String::new());
        }
        let client = self.client();
        let about: String = client.info(Some(InfoKind::Server)).await?;
        if about.contains("redis_mode:cluster") && !client.cluster_info::<String>().await?.contains("cluster_size:1\r")
        {
            // Some keys are here, and the others would be missed one by one.
            return Err(told::one_of_many());
        }
        Ok(about.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().trim().to_owned())
    }
}

/// The nodes of a cluster that have keys, as far as a client has heard.
fn nodes(client: &Client) -> Vec<Server> {
    client.cached_cluster_state().map(|cluster| cluster.unique_primary_nodes()).unwrap_or_default()
}

/// A time for a script.
pub(crate) fn micros(duration: Duration) -> Value {
    Value::from(duration.as_micros().to_string())
}

/// A token for a script.
pub(crate) fn token(token: u64) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&token.to_be_bytes()))
}

#[async_trait]
impl HealthCheck for Redis {
    fn name(&self) -> &'static str {
        REDIS
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), Fault> {
        if self.shared.breaker.enter().is_none() {
            let why = self.shared.breaker.why().unwrap_or_else(|| "no answer yet".into());
            return Err(Fault::unavailable(REDIS, anyhow!(why)));
        }
        self.shared.probe().await.map_err(|error| Fault::unavailable(REDIS, anyhow!(told(&error))))
    }
}

impl MetricSource for Redis {
    fn samples(&self) -> Vec<Sample> {
        let breaker = &self.shared.breaker;
        let help = "Whether it is asked now (1), or done without (0).";
        vec![
            Sample::gauge("redis_up", help, u8::from(breaker.enter().is_some())),
            Sample::counter("redis_failures_total", "Commands and connections that failed.", breaker.failures()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use entrepot_domain::{Cache as _, CacheKey, Lookup, ProductId, Ticket};
    use uuid::Uuid;

    use super::{watcher::SETTLE, *};
    use crate::RedisCache;

    /// Opens the breaker, and waits until the cache is used again.
    async fn recovers(redis: &Redis, cache: &RedisCache, key: CacheKey) {
        redis.shared.breaker.open("on purpose");
        let began = Instant::now();
        while cache.get(key).await == Lookup::Miss(Ticket(0)) {
            assert!(began.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(began.elapsed() >= SETTLE, "{:?}", began.elapsed());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_redis_is_not_believed() {
        let url = entrepot_testkit::redis_url().await.unwrap();
        let prefix = format!("test:{:016x}:", getrandom::u64().unwrap());
        let redis = Redis::connect(RedisOptions::parse(&url).unwrap().prefix(&prefix)).await.unwrap();
        let cache = RedisCache::new(redis.clone(), 1 << 20);
        let (key, value) = (CacheKey::Product(ProductId(Uuid::nil())), Arc::from(*b"old"));
        let Lookup::Miss(ticket) = cache.get(key).await else { panic!() };
        cache.put(key, Arc::clone(&value), Duration::from_mins(5), ticket).await;

        // The same one kept what it had.
        recovers(&redis, &cache, key).await;
        assert_eq!(cache.get(key).await, Lookup::Hit(value.into()));
        // Another one may have been told less.
        *redis.shared.identity.lock().unwrap() = Some("another".into());
        recovers(&redis, &cache, key).await;
        assert!(matches!(cache.get(key).await, Lookup::Miss(_)));
    }
}
