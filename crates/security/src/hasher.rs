//! Password hashes with bcrypt.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use entrepot_domain::{
    Fault, MetricSource, Sample,
    auth::{PasswordHash, PasswordHasher, PlainPassword},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

/// The most calls that wait for a permit. At 50 ms per hash, the last one waits some ten seconds, which is as long as
/// anybody waits for a login.
const MAX_WAITING: usize = 256;

/// The salt and hash of an unknown password. With the cost before them, they form a hash that takes as long to check as
/// a real one.
const DUMMY_SALT_AND_HASH: &str = "abcdefghijklmnopqrstuuO3mDcqnZwHFFr7ldA4dTQs6CaGZ8vPK";

/// Hashed instead of a text that cannot be a password.
const PLACEHOLDER_PASSWORD: &str = "not a password";

/// Hashes passwords with bcrypt in the blocking pool. One core is left free for requests without a password, so that a
/// hundred concurrent logins do not block the others.
pub struct BcryptHasher {
    cost: u32,
    max_running: usize,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    started: AtomicU64,
    dummy_hash: PasswordHash,
}

impl BcryptHasher {
    /// Creates a hasher. `cost` is the base-2 logarithm of the number of rounds: 4 to 31.
    pub fn new(cost: u32) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_concurrency(cost, cores.saturating_sub(1).max(1))
    }

    /// Creates a hasher that computes at most `max_running` hashes at a time.
    pub fn with_concurrency(cost: u32, max_running: usize) -> Self {
        Self {
            cost,
            max_running,
            permits: Arc::new(Semaphore::new(max_running)),
            waiting: AtomicUsize::new(0),
            started: AtomicU64::new(0),
            dummy_hash: PasswordHash(format!("$2b${cost:02}${DUMMY_SALT_AND_HASH}")),
        }
    }

    /// The number of calls that wait for a permit.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The number of hashes being computed.
    pub fn running(&self) -> usize {
        self.max_running.saturating_sub(self.permits.available_permits())
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let slot = QueueSlot::take(&self.waiting)
            .ok_or_else(|| Fault::unavailable("bcrypt", anyhow::anyhow!("{MAX_WAITING} passwords wait already")))?;
        let permit = self.permits.clone().acquire_owned().await.map_err(Fault::unknown);
        drop(slot);
        permit
    }

    /// Runs `work` in the blocking pool with a permit. The permit is held by the work and not by the caller: otherwise
    /// clients that disconnect immediately could start any number of hashes.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let permit = self.permit().await?;
        self.started.fetch_add(1, Ordering::Relaxed);
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        spawn_blocking(work).await.map_err(Fault::unknown)
    }
}

/// A slot in the queue; released when dropped, also if the client disconnects.
struct QueueSlot<'a>(&'a AtomicUsize);

impl<'a> QueueSlot<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let slot = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(slot)
    }
}

impl Drop for QueueSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: &PlainPassword) -> Result<PasswordHash, Fault> {
        let (password, cost) = (password.clone(), self.cost);
        let hash = self.run(move || bcrypt::hash(password.expose(), cost)).await?;
        hash.map(PasswordHash).map_err(Fault::unknown)
    }

    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<bool, Fault> {
        // bcrypt would cut at 72 bytes and stop at NUL; a `PlainPassword` has neither.
        let candidates = PlainPassword::candidates(password);
        let possible = !candidates.is_empty() && hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy_hash.clone());
        // Also for an invalid password, the user's own hash is checked: its cost may differ from that of the dummy
        // hash.
        let check = move || {
            if candidates.is_empty() {
                return bcrypt::verify(PLACEHOLDER_PASSWORD, &hash.0);
            }
            for candidate in &candidates {
                if bcrypt::verify(candidate.expose(), &hash.0)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let same = self.run(check).await?.map_err(Fault::unknown)?;
        Ok(same && possible)
    }
}

impl MetricSource for BcryptHasher {
    fn samples(&self) -> Vec<Sample> {
        let started = self.started.load(Ordering::Relaxed);
        vec![
            Sample::counter("password_hashes_total", "Passwords whose hashing was started.", started),
            Sample::gauge("password_hashes_running", "Passwords that are being hashed.", self.running()),
            Sample::gauge("password_hashes_waiting", "Passwords that wait to be hashed.", self.waiting()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::task::yield_now;

    use super::*;

    fn plain(text: &str) -> PlainPassword {
        PlainPassword::parse(text).unwrap()
    }

    /// Work that reports when it starts, and waits until it is told to end.
    fn blocking_work() -> (impl FnOnce() + Send + 'static, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (begins, begun) = mpsc::channel();
        let (end, ends) = mpsc::channel();
        let work = move || {
            begins.send(()).unwrap();
            ends.recv().unwrap();
        };
        (work, begun, end)
    }

    #[tokio::test]
    async fn dummy_hash_is_valid_and_has_the_configured_cost() {
        for cost in [4, 5] {
            let hasher = BcryptHasher::new(cost);
            let parts: bcrypt::HashParts = hasher.dummy_hash.0.parse().unwrap();
            assert_eq!(parts.get_cost(), cost);
            // It has to fail because the password differs, not because the hash is malformed: that would take no time.
            assert!(!bcrypt::verify("anything at all", &hasher.dummy_hash.0).unwrap());
            assert!(!hasher.verify("anything at all", None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn invalid_password_does_not_match_the_placeholder() {
        let hasher = BcryptHasher::new(4);
        let hash = hasher.hash(&plain(PLACEHOLDER_PASSWORD)).await.unwrap();
        assert!(hasher.verify(PLACEHOLDER_PASSWORD, Some(hash.clone())).await.unwrap());
        for bad in ["", "short", "nul\0inside", &"a".repeat(73)] {
            assert!(!hasher.verify(bad, Some(hash.clone())).await.unwrap(), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn invalid_password_is_checked_against_the_hash() {
        // Only a check against this hash notices that it is malformed.
        let broken = PasswordHash("$2b$04$broken".into());
        for bad in ["", "short", "nul\0inside", &"a".repeat(73)] {
            let checked = BcryptHasher::new(4).verify(bad, Some(broken.clone())).await;
            assert!(matches!(checked, Err(Fault::Unknown(_))), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn composed_and_decomposed_passwords_match() {
        let (composed, decomposed) = ("Am\u{e9}lie et Zo\u{eb}", "Ame\u{301}lie et Zoe\u{308}");
        let hasher = BcryptHasher::new(4);
        for stored in [composed, decomposed] {
            let hash = hasher.hash(&plain(stored)).await.unwrap();
            for typed in [composed, decomposed] {
                assert!(hasher.verify(typed, Some(hash.clone())).await.unwrap());
            }
            assert!(!hasher.verify("Amelie et Zoe", Some(hash)).await.unwrap());
        }
        // Hashed as it was typed, as in versions without normalisation.
        let old = PasswordHash(bcrypt::hash(decomposed, 4).unwrap());
        assert!(hasher.verify(decomposed, Some(old.clone())).await.unwrap());
        assert!(!hasher.verify(composed, Some(old)).await.unwrap());
    }

    #[tokio::test]
    async fn hash_of_another_cost_is_verified() {
        let hash = BcryptHasher::new(5).hash(&plain("correct horse")).await.unwrap();
        assert!(BcryptHasher::new(4).verify("correct horse", Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn invalid_cost_is_a_fault() {
        for cost in [3, 32] {
            let hasher = BcryptHasher::new(cost);
            assert!(matches!(hasher.hash(&plain("correct horse")).await, Err(Fault::Unknown(_))));
            assert!(matches!(hasher.verify("correct horse", None).await, Err(Fault::Unknown(_))));
        }
    }

    #[tokio::test]
    async fn concurrency_is_bounded() {
        let hasher = Arc::new(BcryptHasher::with_concurrency(4, 2));
        let jobs: Vec<_> = (0..3)
            .map(|_| {
                let (work, begun, end) = blocking_work();
                let hasher = hasher.clone();
                (tokio::spawn(async move { hasher.run(work).await }), begun, end)
            })
            .collect();
        while hasher.waiting() < 1 {
            yield_now().await;
        }
        assert_eq!((hasher.running(), hasher.waiting()), (2, 1));
        jobs[0].1.recv().unwrap();
        jobs[1].1.recv().unwrap();
        assert_eq!(jobs[2].1.try_recv(), Err(mpsc::TryRecvError::Empty));
        for (task, _, end) in jobs {
            end.send(()).unwrap();
            task.await.unwrap().unwrap();
        }
        assert_eq!((hasher.running(), hasher.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn dropped_caller_keeps_its_permit_until_the_hash_is_done() {
        let hasher = Arc::new(BcryptHasher::with_concurrency(4, 1));
        let (work, begun, end) = blocking_work();
        let asking = hasher.clone();
        let asked = tokio::spawn(async move { asking.run(work).await });
        while hasher.running() < 1 {
            yield_now().await;
        }
        begun.recv().unwrap();
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        assert_eq!(hasher.running(), 1);
        end.send(()).unwrap();
        assert!(hasher.hash(&plain("correct horse")).await.is_ok());
        assert_eq!(hasher.running(), 0);
    }

    #[tokio::test]
    async fn panicking_work_is_a_fault_and_releases_its_permit() {
        let hasher = BcryptHasher::with_concurrency(4, 1);
        assert!(matches!(hasher.run(|| panic!("on purpose")).await, Err::<(), _>(Fault::Unknown(_))));
        assert_eq!(hasher.running(), 0);
    }

    #[tokio::test]
    async fn full_queue_refuses_more_calls() {
        let hasher = BcryptHasher::with_concurrency(4, 1);
        let permit = hasher.permits.acquire().await.unwrap();
        let queued: Vec<_> = (0..MAX_WAITING).map(|_| QueueSlot::take(&hasher.waiting).unwrap()).collect();
        let refused = hasher.hash(&plain("correct horse")).await;
        assert!(matches!(refused, Err(Fault::Unavailable { dependency: "bcrypt", .. })));
        drop((queued, permit));
        assert!(hasher.hash(&plain("correct horse")).await.is_ok());
        assert_eq!(hasher.waiting(), 0);
    }
}
