//! bcrypt, away from the threads that serve.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use async_trait::async_trait;
use entrepot_domain::{
    Fault,
    auth::{PasswordHash, PasswordHasher, PlainPassword},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

/// How many may wait for their turn; at 50 ms each that is some ten seconds, and nobody waits longer for a login.
const MAX_WAITING: usize = 256;

/// Salt and hash of nobody's password; with the cost before it, a hash that takes as long to check as a real one.
const NOBODY: &str = "abcdefghijklmnopqrstuuO3mDcqnZwHFFr7ldA4dTQs6CaGZ8vPK";

/// Hashes passwords with bcrypt, in the blocking pool. One core is left for the requests that need no password, so that
/// a hundred logins at once do not freeze the rest.
pub struct BcryptHasher {
    cost: u32,
    turns: Semaphore,
    waiting: AtomicUsize,
    nobody: PasswordHash,
}

impl BcryptHasher {
    /// `cost` is the base-2 logarithm of the rounds: 4 to 31.
    pub fn new(cost: u32) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self::with_turns(cost, cores.saturating_sub(1).max(1))
    }

    /// The same with so many hashes at once.
    pub fn with_turns(cost: u32, turns: usize) -> Self {
        Self {
            cost,
            turns: Semaphore::new(turns),
            waiting: AtomicUsize::new(0),
            nobody: PasswordHash(format!("$2b${cost:02}${NOBODY}")),
        }
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Fault> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let place = Place::take(&self.waiting)
            .ok_or_else(|| Fault::unavailable("bcrypt", anyhow::anyhow!("{MAX_WAITING} passwords wait already")))?;
        let turn = self.turns.acquire().await.map_err(Fault::unknown);
        drop(place);
        turn
    }

    /// Runs `work` in its turn, in the blocking pool. It keeps its turn until it is done, even if nobody waits for it.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let turn = self.turn().await?;
        let done = spawn_blocking(work).await.map_err(Fault::unknown);
        drop(turn);
        done
    }
}

/// A place in the waiting line; given back when dropped, be it that the client has gone.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
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
        // bcrypt would cut at 72 bytes and stop at NUL; a PlainPassword has neither.
        // What cannot be a password is checked against nobody's, so that it takes the same time.
        let plain = PlainPassword::parse(password).ok();
        let possible = plain.is_some();
        let typed = plain.map_or_else(|| "not a password".to_owned(), |plain| plain.expose().to_owned());
        let (known, hash) = match hash {
            Some(hash) if possible => (true, hash),
            _ => (false, self.nobody.clone()),
        };
        let same = self.run(move || bcrypt::verify(typed, &hash.0)).await?;
        Ok(same.map_err(Fault::unknown)? && known)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hasher() -> BcryptHasher {
        BcryptHasher::new(4)
    }

    fn plain(text: &str) -> PlainPassword {
        PlainPassword::parse(text).unwrap()
    }

    #[tokio::test]
    async fn the_same_password_is_known_again_and_no_other() {
        let hash = hasher().hash(&plain("correct horse")).await.unwrap();
        assert!(hasher().verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!hasher().verify("correct horsf", Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let password = plain("correct horse");
        assert_ne!(hasher().hash(&password).await.unwrap(), hasher().hash(&password).await.unwrap());
    }

    #[tokio::test]
    async fn nothing_is_cut_off() {
        let longest = "a".repeat(72);
        let hash = hasher().hash(&plain(&longest)).await.unwrap();
        assert!(hasher().verify(&longest, Some(hash.clone())).await.unwrap());
        for other in [format!("{longest}b"), "a".repeat(71), format!("{longest}\0"), String::new(), "\0".into()] {
            assert!(!hasher().verify(&other, Some(hash.clone())).await.unwrap(), "{other:?}");
        }
    }

    #[tokio::test]
    async fn nobodys_hash_is_a_real_one_of_the_same_cost() {
        for cost in [4, 5] {
            let hasher = BcryptHasher::new(cost);
            let parts: bcrypt::HashParts = hasher.nobody.0.parse().unwrap();
            assert_eq!(parts.get_cost(), cost);
            // It fails by being another password, not by being no hash: that would take no time at all.
            assert!(!bcrypt::verify("anything at all", &hasher.nobody.0).unwrap());
            assert!(!hasher.verify("anything at all", None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn hashes_of_another_cost_still_count() {
        let hash = BcryptHasher::new(5).hash(&plain("correct horse")).await.unwrap();
        assert!(hasher().verify("correct horse", Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn too_long_a_line_is_turned_away() {
        let hasher = Arc::new(BcryptHasher::with_turns(4, 1));
        let turn = hasher.turns.acquire().await.unwrap();
        let lined_up: Vec<_> = (0..MAX_WAITING).map(|_| Place::take(&hasher.waiting).unwrap()).collect();
        let refused = hasher.hash(&plain("correct horse")).await;
        assert!(matches!(refused, Err(Fault::Unavailable { dependency: "bcrypt", .. })));
        drop((lined_up, turn));
        assert!(hasher.hash(&plain("correct horse")).await.is_ok());
        assert_eq!(hasher.waiting(), 0);
    }
}
