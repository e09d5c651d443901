//! Prints what the cache and the limits cost each request:
//! `REDIS_URL=redis://127.0.0.1 cargo run --release -p entrepot-redis --example cost`.
//! Without a URL it starts a Redis of its own.
#![allow(clippy::unwrap_used, reason = "an example may panic")]

use std::{
    env,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use entrepot_domain::{Cache, CacheKey, Lookup, ProductId, Quota, RateLimiter, Subject, UserId};
use entrepot_memory::MemoryLimiter;
use entrepot_redis::{Redis, RedisCache, RedisLimiter, RedisOptions};
use uuid::Uuid;

const TIMES: u32 = 2_000_000;
const ROUND_TRIPS: u32 = 20_000;
const MANY: u32 = 10_000;
const WINDOW: Duration = Duration::from_mins(15);

fn say(what: &str, times: u32, began: Instant) {
    println!("{what}: {:.0} ns", began.elapsed().as_secs_f64() * 1e9 / f64::from(times));
}

fn product(n: u32) -> CacheKey {
    CacheKey::Product(ProductId(Uuid::from_u128(n.into())))
}

async fn put(cache: &RedisCache, n: u32) {
    if let Lookup::Miss(ticket) = cache.get(product(n)).await {
        cache.put(product(n), Arc::from([0; 200]), WINDOW, ticket).await;
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let url = match env::var("REDIS_URL") {
        Ok(url) => url,
        Err(_) => entrepot_testkit::redis_url().await.unwrap(),
    };
    let redis = Redis::connect(RedisOptions::parse(&url).unwrap().prefix("cost:")).await.unwrap();
    let cache = RedisCache::new(redis.clone(), 8 << 20);
    let limiter = RedisLimiter::new(redis.clone(), Arc::new(MemoryLimiter::new(WINDOW)));
    cache.clear().await;

    put(&cache, 0).await;
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(cache.get(product(0)).await);
    }
    say("cache, hit in the near cache, one key", TIMES, began);

    for n in 0..MANY {
        put(&cache, n).await;
    }
    let mut hits = 0;
    let began = Instant::now();
    for n in (0..MANY).cycle().take(usize::try_from(TIMES).unwrap()) {
        hits += u32::from(matches!(black_box(cache.get(product(n)).await), Lookup::Hit(_)));
    }
    say(&format!("cache, hit in the near cache, {MANY} keys ({} were not)", TIMES - hits), TIMES, began);

    let began = Instant::now();
    for n in MANY..MANY + ROUND_TRIPS {
        black_box(cache.get(product(n)).await);
    }
    say("cache, miss (a round trip)", ROUND_TRIPS, began);

    let began = Instant::now();
    for n in 1..=ROUND_TRIPS {
        cache.invalidate(&[product(n)]).await;
    }
    say("cache, invalidation (a round trip)", ROUND_TRIPS, began);

    let quota = Quota { limit: 1_000_000_000, window: WINDOW };
    let began = Instant::now();
    for _ in 0..TIMES {
        black_box(limiter.hit(&Subject::User(UserId(Uuid::from_u128(1))), quota).await);
    }
    say("limit, hit of a hot subject", TIMES, began);

    let began = Instant::now();
    for n in 1..=ROUND_TRIPS {
        black_box(limiter.hit(&Subject::User(UserId(Uuid::from_u128(n.into()))), quota).await);
    }
    say("limit, hit of a cold subject (a round trip)", ROUND_TRIPS, began);
    redis.close().await;
}
