//! The contract of [`Cache`].

use std::{sync::Arc, thread, time::Duration};

use entrepot_domain::{Cache, CacheKey, Lookup, ProductId, SessionId, Ticket};
use futures_util::future::join_all;
use uuid::Uuid;

/// An empty cache whose clock can be advanced.
pub trait CacheHarness {
    /// The cache; the same one each time.
    fn cache(&self) -> Arc<dyn Cache>;

    /// Advances the clock of the cache.
    fn pass(&self, time: Duration) -> impl Future<Output = ()>;
}

/// Generates a test per case: `entrepot_contract::cache_suite!(harness().await)`.
#[macro_export]
macro_rules! cache_suite {
    ($harness:expr) => {
        $crate::suite! { cache, $harness,
            put_value_is_found,
            keys_of_different_kinds_have_different_values,
            invalidated_value_is_not_found,
            value_loaded_before_an_invalidation_is_not_stored,
            value_loaded_after_an_invalidation_is_stored,
            clear_removes_values_and_invalidates_tickets,
            value_expires_after_its_ttl,
            large_values_are_returned_completely,
            no_reader_gets_an_old_value_after_a_write,
        }
    };
}

const LONG: Duration = Duration::from_mins(5);

fn product(n: u128) -> CacheKey {
    CacheKey::Product(ProductId(Uuid::from_u128(n)))
}

fn bytes(text: &str) -> Arc<[u8]> {
    Arc::from(text.as_bytes())
}

async fn miss(cache: &dyn Cache, key: CacheKey) -> Ticket {
    match cache.get(key).await {
        Lookup::Miss(ticket) => ticket,
        Lookup::Hit(found) => panic!("{key:?} is there: {found:?}"),
    }
}

async fn put(cache: &dyn Cache, key: CacheKey, value: &str) {
    let ticket = miss(cache, key).await;
    cache.put(key, bytes(value), LONG, ticket).await;
}

async fn assert_hit(cache: &dyn Cache, key: CacheKey, value: &str) {
    assert_eq!(cache.get(key).await, Lookup::Hit(bytes(value).into()), "{key:?}");
}

pub async fn put_value_is_found(h: &impl CacheHarness) {
    let cache = h.cache();
    put(&*cache, product(1), "mug").await;
    assert_hit(&*cache, product(1), "mug").await;
}

/// Also if their identifiers are equal.
pub async fn keys_of_different_kinds_have_different_values(h: &impl CacheHarness) {
    let cache = h.cache();
    put(&*cache, product(1), "mug").await;
    miss(&*cache, product(2)).await;
    miss(&*cache, CacheKey::Access(SessionId(Uuid::from_u128(1)))).await;
}

/// Only the given keys are removed.
pub async fn invalidated_value_is_not_found(h: &impl CacheHarness) {
    let cache = h.cache();
    for n in 1..=3 {
        put(&*cache, product(n), "mug").await;
    }
    cache.invalidate(&[product(1), product(3)]).await;
    miss(&*cache, product(1)).await;
    assert_hit(&*cache, product(2), "mug").await;
    miss(&*cache, product(3)).await;
}

/// A reader that began before the write must not put the old value back.
pub async fn value_loaded_before_an_invalidation_is_not_stored(h: &impl CacheHarness) {
    let cache = h.cache();
    let ticket = miss(&*cache, product(1)).await;
    cache.invalidate(&[product(1)]).await;
    cache.put(product(1), bytes("old"), LONG, ticket).await;
    miss(&*cache, product(1)).await;
}

pub async fn value_loaded_after_an_invalidation_is_stored(h: &impl CacheHarness) {
    let cache = h.cache();
    put(&*cache, product(1), "old").await;
    cache.invalidate(&[product(1)]).await;
    put(&*cache, product(1), "new").await;
    assert_hit(&*cache, product(1), "new").await;
}

pub async fn clear_removes_values_and_invalidates_tickets(h: &impl CacheHarness) {
    let cache = h.cache();
    put(&*cache, product(1), "old").await;
    let ticket = miss(&*cache, product(2)).await;
    cache.clear().await;
    miss(&*cache, product(1)).await;
    cache.put(product(2), bytes("old"), LONG, ticket).await;
    miss(&*cache, product(2)).await;
    put(&*cache, product(1), "new").await;
    assert_hit(&*cache, product(1), "new").await;
}

/// Each value has its own time to live.
pub async fn value_expires_after_its_ttl(h: &impl CacheHarness) {
    let cache = h.cache();
    let ticket = miss(&*cache, product(1)).await;
    cache.put(product(1), bytes("short"), Duration::from_millis(50), ticket).await;
    put(&*cache, product(2), "long").await;
    h.pass(Duration::from_millis(80)).await;
    miss(&*cache, product(1)).await;
    assert_hit(&*cache, product(2), "long").await;
}

pub async fn large_values_are_returned_completely(h: &impl CacheHarness) {
    let cache = h.cache();
    let large: Arc<[u8]> = (0..=u8::MAX).cycle().take(100_000).collect();
    let ticket = miss(&*cache, product(1)).await;
    cache.put(product(1), large.clone(), LONG, ticket).await;
    assert_eq!(cache.get(product(1)).await, Lookup::Hit(large.into()));
}

/// Concurrent readers and one writer: after a write has returned, no reader gets the old value.
pub async fn no_reader_gets_an_old_value_after_a_write(h: &impl CacheHarness) {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    const WRITES: u64 = 2_000;
    let cache = h.cache();
    let truth = Arc::new(AtomicU64::new(0));
    let answered = Arc::new(AtomicU64::new(0));
    let readers = (0..3).map(|_| {
        let (cache, truth, answered) = (cache.clone(), truth.clone(), answered.clone());
        move || async move {
            while answered.load(SeqCst) < WRITES {
                let least = answered.load(SeqCst);
                let seen = match cache.get(product(1)).await {
                    Lookup::Hit(bytes) => u64::from_be_bytes((*bytes).try_into().unwrap_or_default()),
                    Lookup::Miss(ticket) => {
                        let loaded = truth.load(SeqCst);
                        // Widens the gap between load and put, in which a write may happen.
                        thread::yield_now();
                        cache.put(product(1), Arc::from(loaded.to_be_bytes()), LONG, ticket).await;
                        loaded
                    }
                };
                assert!(seen >= least, "saw {seen} after {least} was answered");
            }
        }
    });
    let readers: Vec<_> = readers.map(|reader| tokio::spawn(reader())).collect();
    for n in 1..=WRITES {
        truth.store(n, SeqCst);
        cache.invalidate(&[product(1)]).await;
        answered.store(n, SeqCst);
        tokio::task::yield_now().await;
    }
    for reader in join_all(readers).await {
        assert!(reader.is_ok(), "{reader:?}");
    }
}
