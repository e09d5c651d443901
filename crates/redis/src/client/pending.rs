//! Invalidations that Redis has not received yet.

use std::collections::HashSet;

use entrepot_domain::CacheKey;

/// With more pending keys than this, everything is invalidated instead.
const MAX_PENDING_KEYS: usize = 10_000;

/// Cached values that were changed, and that Redis must drop before it is used again.
#[derive(Default)]
pub(crate) struct PendingInvalidations {
    /// The values of these keys were changed.
    pub(crate) keys: HashSet<CacheKey>,
    /// Any value may have been changed.
    pub(crate) everything: bool,
}

impl PendingInvalidations {
    /// All cached values.
    pub(crate) fn everything() -> Self {
        Self { keys: HashSet::new(), everything: true }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.everything
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.everything |= more.everything;
        self.keys.extend(more.keys);
        if self.everything || self.keys.len() > MAX_PENDING_KEYS {
            *self = Self::everything();
        }
    }
}

impl FromIterator<CacheKey> for PendingInvalidations {
    fn from_iter<I: IntoIterator<Item = CacheKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), everything: false }
    }
}
