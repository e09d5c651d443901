//! The cache keys of entities.

use entrepot_domain::{CacheKey, ProductId, SessionId};

/// The keys of these sessions.
pub(crate) fn of_sessions(sessions: &[SessionId]) -> Vec<CacheKey> {
    sessions.iter().copied().map(CacheKey::Access).collect()
}

/// The keys of these products.
pub(crate) fn of_products(products: impl IntoIterator<Item = ProductId>) -> Vec<CacheKey> {
    products.into_iter().map(CacheKey::Product).collect()
}
