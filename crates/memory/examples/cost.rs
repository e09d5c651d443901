//! Prints what the cache and the limits cost each request: `cargo run --release -p entrepot-memory --example cost`.

use std::{hint::black_box, sync::Arc, time::Duration, time::Instant};

use entrepot_domain::{Cache, CacheKey, Lookup, ProductId, Quota, RateLimiter, SessionId, Subject, UserId};
use entrepot_memory::{MemoryCache, MemoryLimiter};
use uuid::Uuid;

const TIMES: u32 = 2_000_000;
const KEYS: u128 = 1_000;
const WINDOW: Duration = Duration::from_mins(15);

fn keys() -> impl Iterator<Item = Uuid> {
    (0..KEYS).cycle().map(Uuid::from_u128)
}

fn say(what: &str, began: Instant) {
    println!("{what}: {:.0} ns", began.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cache = MemoryCache::new(8 << 20);
    let value: Arc<[u8]> = Arc::from([0; 200]);
    for id in keys().take(1_000) {
        let key = CacheKey::Product(ProductId(id));
        if let Lookup::Miss(ticket) = cache.get(key).await {
            cache.put(key, value.clone(), WINDOW, ticket).await;
        }
    }
    let began = Instant::now();
    for (id, _) in keys().zip(0..TIMES) {
        black_box(cache.get(CacheKey::Product(ProductId(id))).await);
    }
    say("cache, hit", began);
    let began = Instant::now();
    for (id, _) in keys().zip(0..TIMES) {
        black_box(cache.get(CacheKey::Access(SessionId(id))).await);
    }
    say("cache, miss", began);

    let limiter = MemoryLimiter::new(WINDOW);
    let quota = Quota { limit: 1_000, window: WINDOW };
    let began = Instant::now();
    for (id, _) in keys().zip(0..TIMES) {
        black_box(limiter.hit(&Subject::User(UserId(id)), quota).await);
    }
    say("limit, hit", began);
}
