//! Lists of jobs.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, JobId, Listing, SortColumns, Window,
    job::{Job, JobFilter, JobQuery, JobSort},
};

use super::row::JobRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::snapshot,
    schema::all_jobs,
    value::Id,
};

const fn column(field: JobSort) -> &'static str {
    match field {
        JobSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &JobFilter) -> all_jobs::BoxedQuery<'_, Sqlite> {
    let mut query = all_jobs::table.into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(all_jobs::status.eq(status.as_str()));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(all_jobs::kind.eq(kind.as_str()));
    }
    query
}

/// Returns the rows of the window, and one more.
fn shown(query: &JobQuery) -> Select<all_jobs::BoxedQuery<'_, Sqlite>, AsSelect<JobRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(JobRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) fn list(connection: &mut SqliteConnection, query: &JobQuery) -> Result<Listing<Job>, Fault> {
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let rows: Vec<JobRow> = shown(query).load(connection).map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}

pub(super) fn find(connection: &mut SqliteConnection, id: JobId) -> Result<Option<Job>, Fault> {
    let row = all_jobs::table.filter(all_jobs::id.eq(Id(id.0))).select(JobRow::as_select());
    let row: Option<JobRow> = row.get_result(connection).optional().map_err(fault)?;
    row.map(Job::try_from).transpose()
}
