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
    listing::contains,
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

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &UserQuery) -> Result<Listing<User>, Fault> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let total = match query.window {
        Window::Page { .. } => {
            Some(filtered(&query.filter).select(count_star()).get_result(connection).await.map_err(fault)?)
        }
        Window::After { .. } => None,
    };
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    let rows = rows.select(UserRow::as_select()).order(order(&columns)).limit(limit).offset(offset);
    let rows: Vec<UserRow> = rows.load(connection).await.map_err(fault)?;
    Listing::try_from_rows(rows, &query.window, total)
}
