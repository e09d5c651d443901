//! Orders that invalidate the products whose stock they change.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, Fault, Listing, OrderId, UserId,
    order::{
        Order, OrderEvent, OrderQuery, OrderRepository, PlaceError, Placed, Placement, Transition, TransitionError,
        Transitioned,
    },
};

use crate::{keys, read_through::invalidate};

/// Caches no order, but invalidates the products whose stock an order changes, before the call returns.
pub struct CachedOrders {
    inner: Arc<dyn OrderRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedOrders {
    /// A decorator of `inner`, over the cache that [`CachedProducts`](crate::CachedProducts) fills.
    pub fn new(inner: Arc<dyn OrderRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, cache }
    }
}

#[async_trait]
impl OrderRepository for CachedOrders {
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError> {
        let placed = self.inner.place(placement).await?;
        if !placed.replayed {
            let changed = placed.order.lines.iter().map(|line| line.product);
            invalidate(&*self.cache, &keys::of_products(changed)).await;
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
        invalidate(&*self.cache, &keys::of_products(changed.restocked.iter().copied())).await;
        Ok(changed)
    }

    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault> {
        self.inner.events(id).await
    }

    async fn latest_of(&self, users: &[UserId], count: u32) -> Result<Vec<Order>, Fault> {
        self.inner.latest_of(users, count).await
    }

    async fn events_of(&self, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
        self.inner.events_of(ids).await
    }
}
