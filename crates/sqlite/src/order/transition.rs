//! Changes of status, in the writer's transaction.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, update};
use entrepot_domain::{
    OrderId,
    event::{EventData, returned},
    order::{Transition, TransitionError, Transitioned},
};

use super::row::find;
use crate::{audit, error::fault, event, product, schema::orders, value::Id};

pub(super) fn transition(
    connection: &mut SqliteConnection,
    id: OrderId,
    transition: &Transition,
) -> Result<Transitioned, TransitionError> {
    let was = find(connection, id)?.ok_or(TransitionError::NotFound)?;
    let done = was.transition(transition)?;
    let order = &done.order;
    update(orders::table.filter(orders::id.eq(Id(id.0))))
        .set((
            orders::status.eq(order.status.as_str()),
            orders::version.eq(order.version.0),
            orders::updated_at.eq(order.updated_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    let mut before = product::give_back(connection, done.returned(), transition.cause.at)?;
    event::status_changed(connection, order, was.status, transition.actor)?;
    let mut events = vec![EventData::order_status_changed(order, was.status)];
    events.extend(returned(order, done.returned(), &mut before));
    event::write(connection, order.updated_at, &events)?;
    audit::write(connection, &transition.cause.order_status_changed(order, was.status))?;
    Ok(done)
}
