//! Orders.

mod list;
mod place;
mod row;
mod transition;

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Listing, OrderId, UserId,
    order::{
        Order, OrderEvent, OrderQuery, OrderRepository, PlaceError, Placed, Placement, Transition, TransitionError,
        Transitioned,
    },
};

use crate::{SqliteStore, event, listing::snapshot};

#[async_trait]
impl OrderRepository for SqliteStore {
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError> {
        let placement = placement.clone();
        self.write_events(move |connection| place::place(connection, &placement)).await
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, Fault> {
        self.read(move |connection| snapshot(connection, |connection| row::find(connection, id))).await
    }

    async fn list(&self, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }

    async fn transition(&self, id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError> {
        let transition = transition.clone();
        self.write_events(move |connection| transition::transition(connection, id, &transition)).await
    }

    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault> {
        self.read(move |connection| event::of_orders(connection, &[id])).await
    }

    async fn latest_of(&self, users: &[UserId], count: u32) -> Result<Vec<Order>, Fault> {
        let users = users.to_vec();
        self.read(move |connection| list::latest_of(connection, &users, count)).await
    }

    async fn events_of(&self, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
        let ids = ids.to_vec();
        self.read(move |connection| event::of_orders(connection, &ids)).await
    }
}
