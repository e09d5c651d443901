//! Lists of endpoints.

use diesel::{QueryDsl, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    webhook::{Webhook, WebhookQuery, WebhookSort},
};

use super::row::{WebhookRow, live};
use crate::{
    error::fault,
    keyset::{after, order},
    listing::counted,
    schema::webhooks,
};

const fn column(field: WebhookSort) -> &'static str {
    match field {
        WebhookSort::CreatedAt => "created_at",
    }
}

/// The rows of the window, and one more.
fn shown(query: &WebhookQuery) -> webhooks::BoxedQuery<'_, Pg> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = live().into_boxed();
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &WebhookQuery) -> Result<Listing<Webhook>, Fault> {
    let count = || live().into_boxed::<Pg>().select(count_star());
    let rows: Vec<(WebhookRow, Option<i64>)> = if let Window::Page { .. } = query.window {
        let counted = shown(query).select((WebhookRow::as_select(), count().single_value()));
        counted.load(connection).await.map_err(fault)?
    } else {
        let rows: Vec<WebhookRow> =
            shown(query).select(WebhookRow::as_select()).load(connection).await.map_err(fault)?;
        rows.into_iter().map(|row| (row, None)).collect()
    };
    counted(&query.window, rows, count().get_result(connection)).await
}
