//! Changes of status, in a transaction.

use diesel::{ExpressionMethods, QueryDsl, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    OrderId,
    event::{EventData, returned},
    order::{Transition, TransitionError, Transitioned},
};

use super::row::lock;
use crate::{audit, error::fault, event, product, schema::orders};

pub(super) async fn transition(
    connection: &mut AsyncPgConnection,
    id: OrderId,
    transition: &Transition,
) -> Result<Transitioned, TransitionError> {
    let was = lock(connection, id).await?.ok_or(TransitionError::NotFound)?;
    let done = was.transition(transition)?;
    let order = &done.order;
    update(orders::table.filter(orders::id.eq(id.0)))
        .set((
            orders::status.eq(order.status.as_str()),
            orders::version.eq(order.version.0),
            orders::updated_at.eq(order.updated_at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    let mut before = product::give_back(connection, done.returned(), transition.cause.at).await?;
    event::status_changed(connection, order, was.status, transition.actor).await?;
    let mut events = vec![EventData::order_status_changed(order, was.status)];
    events.extend(returned(order, done.returned(), &mut before));
    event::write(connection, order.updated_at, &events).await?;
    audit::write(connection, &transition.cause.order_status_changed(order, was.status)).await?;
    Ok(done)
}
