//! The fields of orders.

use async_graphql::{Context, ID, Object, Result};
use entrepot_domain::order::OrderAction;

use super::{
    requests::{OrderItemInput, OrderList, placement},
    types::{Order, OrderConnection, OrderStatus},
};
use crate::{
    connection::PartArguments,
    fields::id,
    refusal::{Refusal, refused},
    scalars::DateTime,
    state::State,
};

/// The queries of orders.
#[derive(Default)]
pub(crate) struct OrderQuery;

#[Object]
impl OrderQuery {
    /// An order; for its buyer and for staff.
    async fn order(&self, ctx: &Context<'_>, #[graphql(name = "id")] order: ID) -> Option<Result<Order>> {
        Some(find(ctx, &order).await)
    }

    /// Orders, the newest first: customers see their own, staff see all.
    #[expect(clippy::too_many_arguments, reason = "arguments of a field")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        status: Option<OrderStatus>,
        #[graphql(desc = "Those placed then or later")] from: Option<DateTime>,
        #[graphql(desc = "Those placed then or earlier")] to: Option<DateTime>,
        #[graphql(desc = "Those of this user; for staff")] user_id: Option<ID>,
        #[graphql(default_with = "Some(20)")] first: Option<i64>,
        after: Option<String>,
    ) -> Result<OrderConnection> {
        let state = State::of(ctx)?;
        let actor = state.actor()?;
        let (list, part) = (OrderList { user: user_id, status, from, to }, PartArguments { first, after });
        let (query, part) = list.query(&part, actor, &state.settings.cursor_keys).map_err(Refusal::into_error)?;
        OrderConnection::new(&part, state.app.orders.list(actor, query).await.map_err(refused)?)
    }
}

/// The mutations of orders.
#[derive(Default)]
pub(crate) struct OrderMutation;

#[Object]
impl OrderMutation {
    /// Places an order. All or nothing, at the prices of that moment; once for each idempotency key.
    async fn place_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "1 to 2,000 lines; those of one product are added up")] items: Vec<OrderItemInput>,
        #[graphql(desc = "Names this try: 1 to 255 visible ASCII characters")] idempotency_key: Option<String>,
    ) -> Result<Order> {
        let state = State::of(ctx)?;
        let actor = state.actor()?;
        let (basket, key) = placement(&items, idempotency_key.as_deref()).map_err(refused)?;
        Ok(state.app.orders.place(actor, basket, key).await.map_err(refused)?.order.into())
    }

    /// `pending` or `paid` becomes `cancelled`, and the stock is given back; for its buyer and for staff.
    async fn cancel_order(&self, ctx: &Context<'_>, #[graphql(name = "id")] order: ID) -> Result<Order> {
        transition(ctx, &order, OrderAction::Cancel).await
    }

    /// `pending` becomes `paid`; for staff.
    async fn pay_order(&self, ctx: &Context<'_>, #[graphql(name = "id")] order: ID) -> Result<Order> {
        transition(ctx, &order, OrderAction::Pay).await
    }

    /// `paid` becomes `shipped`; for staff.
    async fn ship_order(&self, ctx: &Context<'_>, #[graphql(name = "id")] order: ID) -> Result<Order> {
        transition(ctx, &order, OrderAction::Ship).await
    }

    /// `shipped` becomes `delivered`; for staff.
    async fn deliver_order(&self, ctx: &Context<'_>, #[graphql(name = "id")] order: ID) -> Result<Order> {
        transition(ctx, &order, OrderAction::Deliver).await
    }

    /// `paid` or `delivered` becomes `refunded`; for staff.
    async fn refund_order(&self, ctx: &Context<'_>, #[graphql(name = "id")] order: ID) -> Result<Order> {
        transition(ctx, &order, OrderAction::Refund).await
    }
}

/// A field that may be null is an `Option<Result>`: with a `Result<Option>` an error would make its parent null.
async fn find(ctx: &Context<'_>, order: &ID) -> Result<Order> {
    let state = State::of(ctx)?;
    Ok(state.app.orders.get(state.actor()?, id(order)?).await.map_err(refused)?.into())
}

async fn transition(ctx: &Context<'_>, order: &ID, action: OrderAction) -> Result<Order> {
    let state = State::of(ctx)?;
    let (actor, order) = (state.actor()?, id(order)?);
    let changed = state.app.orders.transition(actor, order, action, None, &state.caller.origin);
    Ok(changed.await.map_err(refused)?.into())
}
