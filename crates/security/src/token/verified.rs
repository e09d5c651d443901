//! Tokens whose signature was good before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;

/// How many tokens are remembered, 40 bytes each.
const SLOTS: usize = 4_096;

/// Remembers the SHA-256 of tokens with a good signature. A token is shown with every request, and checking Ed25519
/// costs a hundred times what the hash does. Only what was good is remembered, so that nobody can push others out with
/// junk, and whether the claims still hold is asked every time.
pub(super) struct VerifiedTokens(Box<[Mutex<[u8; 32]>]>);

impl VerifiedTokens {
    /// Nothing is remembered yet; nothing ever is without `room`.
    pub(super) fn new(room: bool) -> Self {
        let slots = if room { SLOTS } else { 0 };
        Self((0..slots).map(|_| Mutex::default()).collect())
    }

    /// What `check` says of a token, which is asked only of one that is not remembered.
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

    /// The one place where a token may be remembered.
    fn slot(&self, hash: &[u8; 32]) -> Option<&Mutex<[u8; 32]>> {
        let [first, second, ..] = *hash;
        self.0.get(usize::from(u16::from_be_bytes([first, second])).checked_rem(self.0.len())?)
    }
}

/// A hash is written whole, whatever became of who wrote it.
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
