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
use futures_util::FutureExt;
pub(crate) use place::PlacementQueue;
pub(crate) use row::find_all;
use uuid::Uuid;

use crate::{PostgresStore, event};

#[async_trait]
impl OrderRepository for PostgresStore {
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError> {
        let placed = self.while_available(self.orders().place(placement.clone())).await?;
        self.written_events().notify_one();
        Ok(placed)
    }

    async fn find(&self, id: OrderId) -> Result<Option<Order>, Fault> {
        self.read(id, |connection, id| row::find(connection, *id).boxed()).await
    }

    async fn list(&self, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }

    async fn transition(&self, id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError> {
        self.write_events((id, transition.clone()), |connection, (id, transition)| {
            transition::transition(connection, *id, transition).boxed()
        })
        .await
    }

    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault> {
        self.read([id], |connection, ids| event::of_orders(connection, ids).boxed()).await
    }

    async fn latest_of(&self, users: &[UserId], count: u32) -> Result<Vec<Order>, Fault> {
        let users: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        self.read((users, count), |connection, (users, count)| list::latest_of(connection, users, *count).boxed()).await
    }

    async fn events_of(&self, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
        self.read(ids.to_vec(), |connection, ids| event::of_orders(connection, ids).boxed()).await
    }
}
