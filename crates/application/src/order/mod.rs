//! Orders.

mod expire;
mod place;
mod read;
mod transition;

use std::{sync::Arc, time::Duration};

use entrepot_domain::{
    Clock, IdGenerator, OrderId,
    audit::{Cause, Origin},
    auth::Actor,
    order::{Order, OrderRepository},
};

use crate::Error;

/// The ports that [`OrderService`] holds.
pub struct OrderPorts {
    pub orders: Arc<dyn OrderRepository>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// How long an idempotency key is stored: 24 hours, as in the contract.
pub const IDEMPOTENCY_TTL: Duration = Duration::from_hours(24);

/// Orders.
pub struct OrderService {
    ports: OrderPorts,
}

impl OrderService {
    /// Creates a service over these ports.
    pub fn new(ports: OrderPorts) -> Self {
        Self { ports }
    }

    fn cause(&self, actor: &Actor, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: actor.into(), origin }
    }

    /// Returns an order that the actor may see: their own, or any order for staff. Returns [`Error::NotFound`] for
    /// others.
    async fn visible(&self, actor: &Actor, id: OrderId) -> Result<Order, Error> {
        let order = self.ports.orders.find(id).await?;
        order.filter(|order| actor.is(order.user) || actor.is_staff()).ok_or(Error::NotFound)
    }
}
