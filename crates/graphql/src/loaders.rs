//! Reads what many objects of one answer need, in one call of a use case.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_graphql::dataloader::Loader;
use entrepot_application::Application;
use entrepot_domain::{
    Limit, Listing, OrderId, ProductId, UserId,
    auth::Actor,
    order::{Order, OrderEvent},
    product::Product,
    user::User,
};

use crate::refusal::{Refusal, refused};

/// Reads for one request, with the rights of whoever sent it.
pub(crate) struct Batch {
    pub(crate) app: Arc<Application>,
    pub(crate) actor: Option<Actor>,
}

/// The events of an order that was read before, with its buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EventsOf(pub(crate) OrderId, pub(crate) UserId);

/// The newest orders of a user: so many at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OrdersOf(pub(crate) UserId, pub(crate) Limit);

impl Batch {
    fn actor(&self) -> async_graphql::Result<&Actor> {
        self.actor.as_ref().ok_or_else(|| Refusal::missing_token().into_error())
    }
}

impl Loader<UserId> for Batch {
    type Value = User;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, User>, Self::Error> {
        let users = self.app.users.find_many(self.actor()?, ids).await.map_err(refused)?;
        Ok(users.into_iter().map(|user| (user.id, user)).collect())
    }
}

impl Loader<ProductId> for Batch {
    type Value = Product;
    type Error = async_graphql::Error;

    async fn load(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Product>, Self::Error> {
        let products = self.app.products.find_many(ids).await.map_err(refused)?;
        Ok(products.into_iter().map(|product| (product.id, product)).collect())
    }
}

impl Loader<EventsOf> for Batch {
    type Value = Vec<OrderEvent>;
    type Error = async_graphql::Error;

    async fn load(&self, orders: &[EventsOf]) -> Result<HashMap<EventsOf, Vec<OrderEvent>>, Self::Error> {
        let asked: Vec<_> = orders.iter().map(|EventsOf(order, user)| (*order, *user)).collect();
        let buyers: HashMap<OrderId, UserId> = asked.iter().copied().collect();
        let mut events: HashMap<EventsOf, Vec<OrderEvent>> = HashMap::with_capacity(orders.len());
        for event in self.app.orders.events_of(self.actor()?, &asked).await.map_err(refused)? {
            if let Some(buyer) = buyers.get(&event.order) {
                events.entry(EventsOf(event.order, *buyer)).or_default().push(event);
            }
        }
        Ok(events)
    }
}

impl Loader<OrdersOf> for Batch {
    type Value = Listing<Order>;
    type Error = async_graphql::Error;

    async fn load(&self, asked: &[OrdersOf]) -> Result<HashMap<OrdersOf, Listing<Order>>, Self::Error> {
        let mut users: BTreeMap<Limit, Vec<UserId>> = BTreeMap::new();
        for OrdersOf(user, limit) in asked {
            users.entry(*limit).or_default().push(*user);
        }
        let mut listings = HashMap::with_capacity(asked.len());
        for (limit, users) in users {
            let one_more = u32::from(limit.get()) + 1;
            let found = self.app.orders.latest_of(self.actor()?, &users, one_more).await.map_err(refused)?;
            let mut orders: HashMap<UserId, Vec<Order>> = HashMap::with_capacity(users.len());
            for order in found {
                orders.entry(order.user).or_default().push(order);
            }
            listings.extend(users.into_iter().map(|user| {
                let own = orders.remove(&user).unwrap_or_default();
                (OrdersOf(user, limit), Listing::from_rows(own, limit, None))
            }));
        }
        Ok(listings)
    }
}
