//! What the tests have in common.
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

/// Long enough for any test.
pub(crate) const LONG: Duration = Duration::from_mins(5);

/// Longer than anything should take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A beginning of keys that no other test has.
pub(crate) fn fresh_prefix() -> String {
    format!("test:{:016x}:", getrandom::u64().unwrap())
}

/// An instance that minds no hiccup of the machine.
pub(crate) async fn patient(url: &str, prefix: &str) -> Redis {
    let options = RedisOptions::parse(url).unwrap().prefix(prefix).patience(Duration::from_secs(10));
    Redis::connect(options).await.unwrap()
}

/// An instance as it is by default.
pub(crate) async fn instance(url: &str, prefix: &str) -> Redis {
    Redis::connect(RedisOptions::parse(url).unwrap().prefix(prefix)).await.unwrap()
}

/// An instance's cache.
pub(crate) fn cache(redis: &Redis) -> Arc<RedisCache> {
    Arc::new(RedisCache::new(redis.clone(), 4 << 20))
}

/// An instance's limiter.
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

/// Looks a value up, and puts it if it is missing and may be put.
pub(crate) async fn put(cache: &dyn Cache, n: u128, value: &str) {
    if let Lookup::Miss(ticket) = cache.get(product(n)).await {
        cache.put(product(n), Arc::from(value.as_bytes()), LONG, ticket).await;
    }
}

/// What a look-up finds.
pub(crate) async fn found(cache: &dyn Cache, n: u128) -> Option<String> {
    match cache.get(product(n)).await {
        Lookup::Hit(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Lookup::Miss(_) => None,
    }
}

/// Waits until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until values are kept.
pub(crate) async fn until_kept(cache: &dyn Cache, n: u128, value: &str) {
    until("a value is kept", || async {
        put(cache, n, value).await;
        found(cache, n).await.as_deref() == Some(value)
    })
    .await;
}

/// Waits until one limiter counts where the other does.
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

/// Stands between an instance and Redis, and gives it the answers later.
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
                connections.spawn(hand_on(answered, answers, late.clone()));
            }
        });
        Self { port, delay, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How late answers are from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_millis()).unwrap(), SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Each answer is as late as the others: while one waits, the next ones are read.
async fn hand_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, late: Arc<AtomicU64>) -> std::io::Result<()> {
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
