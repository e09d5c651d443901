//! Tokens with a verified signature.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;

/// The number of tokens that are remembered, 40 bytes each.
const SLOTS: usize = 4_096;

/// Remembers the SHA-256 of tokens whose signature was verified. Every request has a token, and verifying Ed25519 takes
/// a hundred times as long as the hash. Only valid tokens are remembered, so that clients cannot evict them with
/// invalid ones. The claims are checked every time.
pub(super) struct VerifiedTokens(Box<[Mutex<[u8; 32]>]>);

impl VerifiedTokens {
    /// Creates an empty set; without slots if `room` is false.
    pub(super) fn new(room: bool) -> Self {
        let slots = if room { SLOTS } else { 0 };
        Self((0..slots).map(|_| Mutex::default()).collect())
    }

    /// Returns the result of `check`, which is not called for a remembered token.
    pub(super) fn check(&self, token: &str, check: impl FnOnce() -> bool) -> bool {
        let Ok(hash) = digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into() else { return check() };
        let Some(slot) = self.slot(&hash) else { return check() };
        if *lock(slot) == hash {
            return true;
        }
        let good = check();
        if good {
            *lock(slot) = hash;
        }
        good
    }

    /// The only slot in which a token may be remembered.
    fn slot(&self, hash: &[u8; 32]) -> Option<&Mutex<[u8; 32]>> {
        let [first, second, ..] = *hash;
        self.0.get(usize::from(u16::from_be_bytes([first, second])).checked_rem(self.0.len())?)
    }
}

/// A hash is always written completely, also if the writer panicked later.
fn lock(slot: &Mutex<[u8; 32]>) -> MutexGuard<'_, [u8; 32]> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_tokens_are_remembered() {
        let verified = VerifiedTokens::new(true);
        assert!(!verified.check("bad", || false));
        assert!(!verified.check("bad", || false), "asked again");
        assert!(verified.check("good", || true));
        assert!(verified.check("good", || panic!("it is known")));
        assert!(!verified.check("other", || false));
    }

    #[test]
    fn without_slots_every_token_is_checked() {
        let verified = VerifiedTokens::new(false);
        assert!(verified.check("good", || true));
        assert!(!verified.check("good", || false));
    }
}
