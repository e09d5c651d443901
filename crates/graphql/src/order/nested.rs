//! What orders lead to, and what leads to orders.

use async_graphql::{ComplexObject, Context, Result};
use entrepot_application::Error;
use entrepot_domain::{Listing, ProductId, UserId, Window};

use super::{
    requests::OrderList,
    types::{Order, OrderConnection, OrderEvent, OrderItem},
};
use crate::{
    connection::PartArguments,
    loaders::{EventsOf, OrdersOf},
    product::Product,
    refusal::{Refusal, refused},
    state::State,
    user::User,
};

#[ComplexObject]
impl Order {
    /// Who placed it; for that user and for admins.
    async fn user(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        Some(buyer(ctx, self.buyer).await)
    }

    /// What happened to it, the first first.
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<OrderEvent>> {
        let events = State::of(ctx)?.loader.load_one(EventsOf(self.key, self.buyer)).await?;
        Ok(events.unwrap_or_default().into_iter().map(OrderEvent::from).collect())
    }
}

#[ComplexObject]
impl OrderItem {
    /// The product as it is now; null if it is no longer for sale.
    async fn product(&self, ctx: &Context<'_>) -> Option<Result<Product>> {
        product(ctx, self.key).await.transpose()
    }
}

#[ComplexObject]
impl User {
    /// The orders of this user, the newest first.
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(20)")] first: Option<i64>,
        after: Option<String>,
    ) -> Result<OrderConnection> {
        let state = State::of(ctx)?;
        let actor = state.actor()?;
        let list = OrderList { user: Some(self.key.to_string().into()), ..OrderList::default() };
        let part = PartArguments { first, after };
        let (query, part) = list.query(&part, actor, &state.settings.cursor_keys).map_err(Refusal::into_error)?;
        // A cursor is of one user's orders, so that what follows it is not read for several.
        let listing = match &query.window {
            Window::After { place: None, limit } => {
                state.loader.load_one(OrdersOf(self.key, *limit)).await?.unwrap_or_else(nothing)
            }
            _ => state.app.orders.list(actor, query).await.map_err(refused)?,
        };
        OrderConnection::new(&part, listing)
    }
}

const fn nothing<T>() -> Listing<T> {
    Listing { items: Vec::new(), total: None, more: false }
}

async fn buyer(ctx: &Context<'_>, user: UserId) -> Result<User> {
    let user = State::of(ctx)?.loader.load_one(user).await?;
    user.map(User::from).ok_or_else(|| refused(Error::NotFound))
}

async fn product(ctx: &Context<'_>, product: ProductId) -> Result<Option<Product>> {
    Ok(State::of(ctx)?.loader.load_one(product).await?.map(Product::from))
}
