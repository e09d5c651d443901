//! Orders whose stock is seen at once.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, CacheKey, Fault, Listing, OrderId,
    order::{
        Order, OrderEvent, OrderQuery, OrderRepository, PlaceError, Placed, Placement, Transition, TransitionError,
        Transitioned,
    },
};

use crate::read_through::forget;

/// Remembers no order, but forgets the products whose stock an order changes, before the order is answered.
pub struct CachedOrders {
    inner: Arc<dyn OrderRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedOrders {
    /// A decorator of `inner`, over the cache that [`CachedProducts`](crate::product::CachedProducts) fills.
    pub fn new(inner: Arc<dyn OrderRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, cache }
    }
}

#[async_trait]
impl OrderRepository for CachedOrders {
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError> {
        let placed = self.inner.place(placement).await?;
        if !placed.replayed {
            let keys: Vec<_> = placed.order.lines.iter().map(|line| CacheKey::Product(line.product)).collect();
            forget(&*self.cache, &keys).await;
        }
        Ok(placed)
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, Fault> {
        self.inner.find(id).await
    }

    async fn list(&self, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
        self.inner.list(query).await
    }

    async fn transition(&self, id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError> {
        let changed = self.inner.transition(id, transition).await?;
        let keys: Vec<_> = changed.restocked.iter().copied().map(CacheKey::Product).collect();
        forget(&*self.cache, &keys).await;
        Ok(changed)
    }

    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault> {
        self.inner.events(id).await
    }
}
