//! The life of an order, in the writer's transaction.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, update};
use entrepot_domain::{
    OrderId, Version,
    order::{Transition, TransitionError, Transitioned},
};

use super::{events, row::find};
use crate::{audit, error::fault, product, schema::orders, value::Id};

pub(super) fn transition(
    connection: &mut SqliteConnection,
    id: OrderId,
    transition: &Transition,
) -> Result<Transitioned, TransitionError> {
    let mut order = find(connection, id)?.ok_or(TransitionError::NotFound)?;
    if transition.expected.is_some_and(|expected| expected != order.version) {
        return Err(TransitionError::VersionConflict);
    }
    let from = order.status;
    order.status = from.after(transition.action).ok_or(TransitionError::Invalid { from })?;
    order.version = Version(order.version.0 + 1);
    order.updated_at = transition.cause.at;
    update(orders::table.filter(orders::id.eq(Id(id.0))))
        .set((
            orders::status.eq(order.status.as_str()),
            orders::version.eq(order.version.0),
            orders::updated_at.eq(order.updated_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    let mut restocked = Vec::new();
    if transition.action.returns_stock() {
        for line in &order.lines {
            product::give_back(connection, line.product, i64::from(line.quantity.get()), transition.cause.at)?;
            restocked.push(line.product);
        }
    }
    events::status_changed(connection, &order, from, transition.actor)?;
    audit::write(connection, &transition.cause.order_status_changed(&order, from))?;
    Ok(Transitioned { order, restocked })
}
