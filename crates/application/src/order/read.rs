//! Reads orders.

use entrepot_domain::{
    Listing, OrderId, UserId,
    api_key::Scope,
    auth::Actor,
    order::{Order, OrderEvent, OrderFilter, OrderQuery},
};

use super::OrderService;
use crate::{Error, permission::require_scope};

impl OrderService {
    /// Returns an order, for its buyer and for staff.
    pub async fn get(&self, actor: &Actor, id: OrderId) -> Result<Order, Error> {
        require_scope(actor, Scope::OrdersRead)?;
        self.visible(actor, id).await
    }

    /// Lists the events of an order, the oldest first, for its buyer and for staff.
    pub async fn events(&self, actor: &Actor, id: OrderId) -> Result<Vec<OrderEvent>, Error> {
        require_scope(actor, Scope::OrdersRead)?;
        self.visible(actor, id).await?;
        Ok(self.ports.orders.events(id).await?)
    }

    /// Lists the events of several orders, the oldest first. The orders come with their buyers, as this service returned
    /// them; those that the actor may not see have none.
    pub async fn events_of(&self, actor: &Actor, orders: &[(OrderId, UserId)]) -> Result<Vec<OrderEvent>, Error> {
        require_scope(actor, Scope::OrdersRead)?;
        let visible = orders.iter().filter(|(_, buyer)| actor.is(*buyer) || actor.is_staff());
        let visible: Vec<OrderId> = visible.map(|(order, _)| *order).collect();
        if visible.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.ports.orders.events_of(&visible).await?)
    }

    /// Lists the orders of these users, the newest first: of each the newest `count`. Only staff may ask for those of
    /// others ([`Error::Forbidden`]).
    pub async fn latest_of(&self, actor: &Actor, users: &[UserId], count: u32) -> Result<Vec<Order>, Error> {
        require_scope(actor, Scope::OrdersRead)?;
        if !actor.is_staff() && users.iter().any(|user| !actor.is(*user)) {
            return Err(Error::Forbidden);
        }
        Ok(self.ports.orders.latest_of(users, count).await?)
    }

    /// Lists orders: customers see their own, staff see all. Only staff may filter by another user
    /// ([`Error::Forbidden`]).
    pub async fn list(&self, actor: &Actor, query: OrderQuery) -> Result<Listing<Order>, Error> {
        require_scope(actor, Scope::OrdersRead)?;
        let user = match query.filter.user {
            asked if actor.is_staff() => asked,
            Some(asked) if !actor.is(asked) => return Err(Error::Forbidden),
            _ => Some(actor.user),
        };
        let filter = OrderFilter { user, ..query.filter };
        Ok(self.ports.orders.list(&OrderQuery { filter, ..query }).await?)
    }
}
