//! Lists of deliveries.

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    webhook::{Delivery, DeliveryFilter, DeliveryQuery, DeliverySort},
};

use super::row::DeliveryRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::snapshot,
    schema::webhook_deliveries,
    value::Id,
};

const fn column(field: DeliverySort) -> &'static str {
    match field {
        DeliverySort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &DeliveryFilter) -> webhook_deliveries::BoxedQuery<'_, Sqlite> {
    let of_webhook = webhook_deliveries::webhook_id.eq(Id(filter.webhook.0));
    let query = webhook_deliveries::table.filter(of_webhook).into_boxed();
    match filter.status {
        Some(status) => query.filter(webhook_deliveries::status.eq(status.as_str())),
        None => query,
    }
}

/// The rows of the window, and one more.
fn shown(query: &DeliveryQuery) -> Select<webhook_deliveries::BoxedQuery<'_, Sqlite>, AsSelect<DeliveryRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(DeliveryRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) fn list(connection: &mut SqliteConnection, query: &DeliveryQuery) -> Result<Listing<Delivery>, Fault> {
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let rows: Vec<DeliveryRow> = shown(query).load(connection).map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}
