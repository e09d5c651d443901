//! Numbers that nobody else uses.

use std::sync::atomic::{AtomicU64, Ordering};

/// Names loads: no two are alike, whatever instance they come from, as far as 64 bits can promise.
pub(crate) struct Tokens(AtomicU64);

impl Tokens {
    /// Begins at a random place.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(AtomicU64::new(getrandom::u64()?)))
    }

    /// The next one; never zero.
    pub(crate) fn next(&self) -> u64 {
        // The steps and the mixing of SplitMix64: each number comes once in 2^64, and two instances that begin near
        // each other do not run side by side.
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_are_alike() {
        let (here, there) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let seen: HashSet<u64> = (0..10_000).flat_map(|_| [here.next(), there.next()]).collect();
        assert_eq!(seen.len(), 20_000);
        assert!(!seen.contains(&0));
    }
}
