//! The life of an order, in a transaction.

use diesel::{ExpressionMethods, QueryDsl, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    OrderId, Version,
    order::{Transition, TransitionError, Transitioned},
};

use super::{events, row::lock};
use crate::{audit, error::fault, product, schema::orders};

pub(super) async fn transition(
    connection: &mut AsyncPgConnection,
    id: OrderId,
    transition: &Transition,
) -> Result<Transitioned, TransitionError> {
    let mut order = lock(connection, id).await?.ok_or(TransitionError::NotFound)?;
    if transition.expected.is_some_and(|expected| expected != order.version) {
        return Err(TransitionError::VersionConflict);
    }
    let from = order.status;
    order.status = from.after(transition.action).ok_or(TransitionError::Invalid { from })?;
    order.version = Version(order.version.0 + 1);
    order.updated_at = transition.cause.at;
    update(orders::table.filter(orders::id.eq(id.0)))
        .set((
            orders::status.eq(order.status.as_str()),
            orders::version.eq(order.version.0),
            orders::updated_at.eq(order.updated_at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    let mut restocked = Vec::new();
    if transition.action.returns_stock() {
        let lines = order.lines.iter().map(|line| (line.product.0, i64::from(line.quantity.get()))).collect();
        product::give_back(connection, lines, transition.cause.at).await?;
        restocked = order.lines.iter().map(|line| line.product).collect();
    }
    events::status_changed(connection, &order, from, transition.actor).await?;
    audit::write(connection, &transition.cause.order_status_changed(&order, from)).await?;
    Ok(Transitioned { order, restocked })
}
