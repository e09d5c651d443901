//! Lists of jobs.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, JobId, Listing, SortColumns, Window,
    job::{Job, JobFilter, JobQuery, JobSort},
};

use super::row::JobRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::counted,
    schema::all_jobs,
};

const fn column(field: JobSort) -> &'static str {
    match field {
        JobSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &JobFilter) -> all_jobs::BoxedQuery<'_, Pg> {
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
fn shown(query: &JobQuery) -> all_jobs::BoxedQuery<'_, Pg> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &JobQuery) -> Result<Listing<Job>, Fault> {
    let count = || filtered(&query.filter).select(count_star());
    let rows: Vec<(JobRow, Option<i64>)> = if let Window::Page { .. } = query.window {
        let counted = shown(query).select((JobRow::as_select(), count().single_value()));
        counted.load(connection).await.map_err(fault)?
    } else {
        let rows: Vec<JobRow> = shown(query).select(JobRow::as_select()).load(connection).await.map_err(fault)?;
        rows.into_iter().map(|row| (row, None)).collect()
    };
    counted(&query.window, rows, count().get_result(connection)).await
}

pub(super) async fn find(connection: &mut AsyncPgConnection, id: JobId) -> Result<Option<Job>, Fault> {
    let row = all_jobs::table.filter(all_jobs::id.eq(id.0)).select(JobRow::as_select());
    let row = row.get_result(connection).await.optional().map_err(fault)?;
    row.map(Job::try_from).transpose()
}
