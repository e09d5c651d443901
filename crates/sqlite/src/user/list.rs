//! Lists of users.

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection, dsl::count_star, sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window, search_words,
    user::{User, UserFilter, UserQuery, UserSort},
};

use super::row::{UserRow, sums_with};
use crate::{
    error::fault,
    keyset::{after, order},
    listing::{instr, snapshot},
    schema::users,
};

const fn column(field: UserSort) -> &'static str {
    match field {
        UserSort::Name => "name_folded",
        UserSort::Email => "email_folded",
        UserSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &UserFilter) -> users::BoxedQuery<'_, Sqlite> {
    let mut query = users::table.filter(users::erased_at.is_null()).into_boxed();
    for word in filter.search.iter().flat_map(|search| search_words(search)) {
        query = query.filter(instr(users::search, word).gt(0));
    }
    if let Some(role) = filter.role {
        query = query.filter(users::roles.eq_any(sums_with(role)));
    }
    query
}

pub(super) fn list(connection: &mut SqliteConnection, query: &UserQuery) -> Result<Listing<User>, Fault> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let mut rows = filtered(&query.filter);
        if let Window::After { place: Some(place), .. } = &query.window {
            rows = rows.filter(after(&columns, place));
        }
        let rows: Vec<UserRow> = rows
            .select(UserRow::as_select())
            .order(order(&columns))
            .limit(limit)
            .offset(offset)
            .load(connection)
            .map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}
