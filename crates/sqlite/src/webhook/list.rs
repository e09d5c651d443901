//! Lists of endpoints.

use diesel::{
    QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    webhook::{Webhook, WebhookQuery, WebhookSort},
};

use super::row::{WebhookRow, live};
use crate::{
    error::fault,
    keyset::{after, order},
    listing::snapshot,
    schema::webhooks,
};

const fn column(field: WebhookSort) -> &'static str {
    match field {
        WebhookSort::CreatedAt => "created_at",
    }
}

/// The rows of the window, and one more.
fn shown(query: &WebhookQuery) -> Select<webhooks::BoxedQuery<'_, Sqlite>, AsSelect<WebhookRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = live().into_boxed();
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(WebhookRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) fn list(connection: &mut SqliteConnection, query: &WebhookQuery) -> Result<Listing<Webhook>, Fault> {
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || live().select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let rows: Vec<WebhookRow> = shown(query).load(connection).map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}
