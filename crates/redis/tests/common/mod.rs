//! Helpers of all tests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and none needs all of it"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use entrepot_domain::{Cache, CacheKey, Lookup, ProductId, Quota, RateLimiter as _, Subject, UserId};
use entrepot_memory::MemoryLimiter;
use entrepot_redis::{Redis, RedisCache, RedisLimiter, RedisOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use uuid::Uuid;

/// A time to live that no test outlasts.
pub(crate) const LONG: Duration = Duration::from_mins(5);

/// Longer than anything should take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A key prefix that no other test has.
pub(crate) fn fresh_prefix() -> String {
    format!("test:{:016x}:", getrandom::u64().unwrap())
}

/// An instance with a time-out that a busy machine does not exceed.
pub(crate) async fn patient(url: &str, prefix: &str) -> Redis {
    let options = RedisOptions::parse(url).unwrap().prefix(prefix).command_timeout(Duration::from_secs(10));
    Redis::connect(options).await.unwrap()
}

/// An instance with the default options.
pub(crate) async fn instance(url: &str, prefix: &str) -> Redis {
    Redis::connect(RedisOptions::parse(url).unwrap().prefix(prefix)).await.unwrap()
}

/// A cache of an instance.
pub(crate) fn cache(redis: &Redis) -> Arc<RedisCache> {
    Arc::new(RedisCache::new(redis.clone(), 4 << 20))
}

/// A limiter of an instance.
pub(crate) fn limiter(redis: &Redis) -> Arc<RedisLimiter> {
    Arc::new(RedisLimiter::new(redis.clone(), Arc::new(MemoryLimiter::new(Duration::from_mins(15)))))
}

pub(crate) fn product(n: u128) -> CacheKey {
    CacheKey::Product(ProductId(Uuid::from_u128(n)))
}

pub(crate) fn user(n: u128) -> Subject {
    Subject::User(UserId(Uuid::from_u128(n)))
}

pub(crate) fn quota(limit: u32) -> Quota {
    Quota { limit, window: Duration::from_mins(1) }
}

/// Looks a value up, and puts it on a miss.
pub(crate) async fn put(cache: &dyn Cache, n: u128, value: &str) {
    if let Lookup::Miss(ticket) = cache.get(product(n)).await {
        cache.put(product(n), Arc::from(value.as_bytes()), LONG, ticket).await;
    }
}

/// The cached value.
pub(crate) async fn found(cache: &dyn Cache, n: u128) -> Option<String> {
    match cache.get(product(n)).await {
        Lookup::Hit(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Lookup::Miss(_) => None,
    }
}

/// Waits until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < TIMEOUT, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until values are cached.
pub(crate) async fn until_cached(cache: &dyn Cache, n: u128, value: &str) {
    until("a value is cached", || async {
        put(cache, n, value).await;
        found(cache, n).await.as_deref() == Some(value)
    })
    .await;
}

/// Waits until both limiters count in the same Redis.
pub(crate) async fn until_shared(here: &RedisLimiter, there: &RedisLimiter) {
    let n = std::cell::Cell::new(1_000);
    until("limits are shared again", || {
        n.set(n.get() + 1);
        let subject = user(n.get());
        async move {
            here.hit(&subject, quota(5)).await;
            there.hit(&subject, quota(5)).await;
            here.peek(&subject, quota(5)).await.remaining == 3
        }
    })
    .await;
}

/// A proxy between an instance and Redis that delays the answers.
pub(crate) struct Proxy {
    port: u16,
    delay: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, delay) = (url.strip_prefix("redis://").unwrap().to_owned(), Arc::new(AtomicU64::new(0)));
        let late = delay.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (mut questions, answers) = client.into_split();
                let (answered, mut asked) = server.into_split();
                connections.spawn(async move { tokio::io::copy(&mut questions, &mut asked).await.map(drop) });
                connections.spawn(forward_delayed(answered, answers, late.clone()));
            }
        });
        Self { port, delay, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Delays answers by this from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_millis()).unwrap(), SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Forwards answers, each with the same delay: while one waits, the next ones are read.
async fn forward_delayed(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, late: Arc<AtomicU64>) -> std::io::Result<()> {
    let (due, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = from.read(&mut buffer).await?;
            let at = Instant::now() + Duration::from_millis(late.load(SeqCst));
            if read == 0 || due.send((at, buffer[..read].to_vec())).is_err() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    let writing = async {
        while let Some((at, bytes)) = queue.recv().await {
            tokio::time::sleep_until(at.into()).await;
            to.write_all(&bytes).await?;
        }
        Ok(())
    };
    tokio::try_join!(reading, writing).map(|((), ())| ())
}
