//! Numbers that no other instance uses.

use std::sync::atomic::{AtomicU64, Ordering};

/// A generator of numbers that are unique over all instances, as far as 64 bits can guarantee.
pub(crate) struct UniqueNumbers(AtomicU64);

impl UniqueNumbers {
    /// Starts at a random number.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(AtomicU64::new(getrandom::u64()?)))
    }

    /// The next number; never zero.
    pub(crate) fn next(&self) -> u64 {
        // The steps and the mixing of SplitMix64: each number occurs once in 2^64, and the sequences of two instances
        // that start close to each other are not shifted copies.
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
    fn two_generators_never_give_the_same_number() {
        let (here, there) = (UniqueNumbers::new().unwrap(), UniqueNumbers::new().unwrap());
        let seen: HashSet<u64> = (0..10_000).flat_map(|_| [here.next(), there.next()]).collect();
        assert_eq!(seen.len(), 20_000);
        assert!(!seen.contains(&0));
    }
}
