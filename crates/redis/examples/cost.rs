//! Prints what the cache and the limits cost each request:
//! `REDIS_URL=redis://127.0.0.1 cargo run --release -p entrepot-redis --example cost`.
//! Without a URL it starts a Redis of its own.
#![allow(clippy::unwrap_used, reason = "an example may panic")]

use std::{
    env, fs,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use entrepot_domain::{Cache, CacheKey, Lookup, ProductId, Quota, RateLimiter, Subject, UserId};
use entrepot_memory::MemoryLimiter;
use entrepot_redis::{Redis, RedisCache, RedisLimiter, RedisOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

const TIMES: u32 = 2_000_000;
const ROUND_TRIPS: u32 = 20_000;
const MANY: u32 = 10_000;

/// The limit of a user by default, and who is counted: many users in turn, over a few connections, as fast as a server
/// that also has other work asks.
const QUOTA: Quota = Quota { limit: 1_000, window: Duration::from_mins(15) };
const USERS: u32 = 1_500;
const CONNECTIONS: u32 = 32;
const HITS_PER_SECOND: u32 = 12_000;
const HITS: u32 = 120_000;

fn print_each(what: &str, times: u32, began: Instant) {
    println!("{what}: {:.0} ns", began.elapsed().as_secs_f64() * 1e9 / f64::from(times));
}

fn product(n: u32) -> CacheKey {
    CacheKey::Product(ProductId(Uuid::from_u128(n.into())))
}

async fn put(cache: &RedisCache, n: u32) {
    if let Lookup::Miss(ticket) = cache.get(product(n)).await {
        cache.put(product(n), Arc::from([0; 200]), QUOTA.window, ticket).await;
    }
}

/// CPU time of this process.
fn own_cpu() -> Duration {
    // User and system time are fields 14 and 15, in hundredths of a second; the second field may contain spaces.
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}

/// CPU time of Redis.
async fn redis_cpu(url: &str) -> Duration {
    let address = url.trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"INFO cpu\r\nQUIT\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let seconds = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse::<f64>().unwrap();
    Duration::from_secs_f64(seconds("used_cpu_sys:") + seconds("used_cpu_user:"))
}

async fn measure_cache(redis: &Redis) {
    let cache = RedisCache::new(redis.clone(), 8 << 20);
    cache.clear().await;
    put(&cache, 0).await;
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(cache.get(product(0)).await);
    }
    print_each("cache, hit in the near cache, one key", TIMES, began);

    for n in 0..MANY {
        put(&cache, n).await;
    }
    let mut hits = 0;
    let began = Instant::now();
    for n in (0..MANY).cycle().take(usize::try_from(TIMES).unwrap()) {
        hits += u32::from(matches!(black_box(cache.get(product(n)).await), Lookup::Hit(_)));
    }
    print_each(&format!("cache, hit in the near cache, {MANY} keys ({} were not)", TIMES - hits), TIMES, began);

    let began = Instant::now();
    for n in MANY..MANY + ROUND_TRIPS {
        black_box(cache.get(product(n)).await);
    }
    print_each("cache, miss (a round trip)", ROUND_TRIPS, began);

    let began = Instant::now();
    for n in 1..=ROUND_TRIPS {
        cache.invalidate(&[product(n)]).await;
    }
    print_each("cache, invalidation (a round trip)", ROUND_TRIPS, began);
}

/// Many users in turn, from threads with a runtime of their own, like the workers of an HTTP server. Returns how long
/// the hits took, sorted.
fn play(limiter: &Arc<dyn RateLimiter>, first_user: u32) -> Vec<Duration> {
    const THREADS: u32 = 2;
    let began = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let limiter = limiter.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let local = tokio::task::LocalSet::new();
                let connections: Vec<_> = (thread..CONNECTIONS)
                    .step_by(usize::try_from(THREADS).unwrap())
                    .map(|connection| {
                        let limiter = limiter.clone();
                        local.spawn_local(async move {
                            let mut took = Vec::new();
                            for n in (connection..HITS).step_by(usize::try_from(CONNECTIONS).unwrap()) {
                                let due = began + Duration::from_secs_f64(f64::from(n) / f64::from(HITS_PER_SECOND));
                                tokio::time::sleep_until(due.into()).await;
                                let subject = Subject::User(UserId(Uuid::from_u128((first_user + n % USERS).into())));
                                let began = Instant::now();
                                assert!(limiter.hit(&subject, QUOTA).await.allowed);
                                took.push(began.elapsed());
                            }
                            took
                        })
                    })
                    .collect();
                local.block_on(&runtime, async {
                    let mut all = Vec::new();
                    for connection in connections {
                        all.extend(connection.await.unwrap());
                    }
                    all
                })
            })
        })
        .collect();
    let mut took: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    took.sort();
    took
}

async fn measure_limit(name: &str, limiter: Arc<dyn RateLimiter>, first_user: u32, url: &str) {
    let (own, redis) = (own_cpu(), redis_cpu(url).await);
    let took = tokio::task::spawn_blocking(move || play(&limiter, first_user)).await.unwrap();
    let micros = |cpu: Duration| cpu.as_secs_f64() * 1e6 / f64::from(HITS);
    let percentile = |n: usize| took.get((took.len() - 1) * n / 100).unwrap();
    println!(
        "{name}, {USERS} users in turn: CPU {:.1} us, of Redis {:.1} us; p50 {:?}, p99 {:?}",
        micros(own_cpu().saturating_sub(own)),
        micros(redis_cpu(url).await.saturating_sub(redis)),
        percentile(50),
        percentile(99),
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let url = match env::var("REDIS_URL") {
        Ok(url) => url,
        Err(_) => entrepot_testkit::redis_url().await.unwrap(),
    };
    let prefix = format!("cost:{:016x}:", getrandom::u64().unwrap());
    let redis = Redis::connect(RedisOptions::parse(&url).unwrap().prefix(&prefix)).await.unwrap();
    measure_cache(&redis).await;
    let in_process = || Arc::new(MemoryLimiter::new(QUOTA.window));
    // What the load itself costs, to be subtracted.
    measure_limit("limit in the process", in_process(), 0, &url).await;
    let limiter = Arc::new(RedisLimiter::new(redis.clone(), in_process()));
    measure_limit("limit in Redis", limiter, 0, &url).await;
    redis.close().await;
}
