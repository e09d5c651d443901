//! Lists of deliveries.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    webhook::{Delivery, DeliveryFilter, DeliveryQuery, DeliverySort},
};

use super::row::DeliveryRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::counted,
    schema::webhook_deliveries,
};

const fn column(field: DeliverySort) -> &'static str {
    match field {
        DeliverySort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &DeliveryFilter) -> webhook_deliveries::BoxedQuery<'_, Pg> {
    let of_webhook = webhook_deliveries::webhook_id.eq(filter.webhook.0);
    let query = webhook_deliveries::table.filter(of_webhook).into_boxed();
    match filter.status {
        Some(status) => query.filter(webhook_deliveries::status.eq(status.as_str())),
        None => query,
    }
}

/// The rows of the window, and one more.
fn shown(query: &DeliveryQuery) -> webhook_deliveries::BoxedQuery<'_, Pg> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(
    connection: &mut AsyncPgConnection,
    query: &DeliveryQuery,
) -> Result<Listing<Delivery>, Fault> {
    let count = || filtered(&query.filter).select(count_star());
    let rows: Vec<(DeliveryRow, Option<i64>)> = if let Window::Page { .. } = query.window {
        let counted = shown(query).select((DeliveryRow::as_select(), count().single_value()));
        counted.load(connection).await.map_err(fault)?
    } else {
        let rows: Vec<DeliveryRow> =
            shown(query).select(DeliveryRow::as_select()).load(connection).await.map_err(fault)?;
        rows.into_iter().map(|row| (row, None)).collect()
    };
    counted(&query.window, rows, count().get_result(connection)).await
}
