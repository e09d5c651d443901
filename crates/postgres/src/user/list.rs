//! Lists of users.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window, search_words,
    user::{User, UserFilter, UserQuery, UserSort},
};

use super::row::{UserRow, sums_with};
use crate::{
    error::fault,
    keyset::{FOLDED_NAME, after, order},
    listing::{contains, counted},
    schema::users,
};

const fn column(field: UserSort) -> &'static str {
    match field {
        UserSort::Name => FOLDED_NAME,
        UserSort::Email => "email_folded",
        UserSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &UserFilter) -> users::BoxedQuery<'_, Pg> {
    let mut query = users::table.filter(users::erased_at.is_null()).into_boxed();
    for word in filter.search.iter().flat_map(|search| search_words(search)) {
        query = query.filter(contains(users::search, &word));
    }
    if let Some(role) = filter.role {
        query = query.filter(users::roles.eq_any(sums_with(role)));
    }
    query
}

/// The window, with one row more than it shows.
fn shown(query: &UserQuery) -> users::BoxedQuery<'_, Pg> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &UserQuery) -> Result<Listing<User>, Fault> {
    let count = || filtered(&query.filter).select(count_star());
    let rows: Vec<(UserRow, Option<i64>)> = if let Window::Page { .. } = query.window {
        let counted = shown(query).select((UserRow::as_select(), count().single_value()));
        counted.load(connection).await.map_err(fault)?
    } else {
        let rows: Vec<UserRow> = shown(query).select(UserRow::as_select()).load(connection).await.map_err(fault)?;
        rows.into_iter().map(|row| (row, None)).collect()
    };
    counted(&query.window, rows, count().get_result(connection)).await
}
