//! Lists of jobs.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
    dsl::{AsSelect, Select, count_star},
    pg::Pg,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, JobId, Listing, SortColumns, Window,
    job::{Job, JobFilter, JobQuery, JobSort},
};

use super::row::JobRow;
use crate::{
    error::fault,
    keyset::{after, order},
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

/// The rows of the window, and one more.
fn shown(query: &JobQuery) -> Select<all_jobs::BoxedQuery<'_, Pg>, AsSelect<JobRow, Pg>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(JobRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &JobQuery) -> Result<Listing<Job>, Fault> {
    let total = match query.window {
        Window::Page { .. } => {
            let count = filtered(&query.filter).select(count_star());
            Some(count.get_result(connection).await.map_err(fault)?)
        }
        Window::UncountedPage { .. } | Window::After { .. } => None,
    };
    let rows: Vec<JobRow> = shown(query).load(connection).await.map_err(fault)?;
    Listing::try_from_rows(rows, &query.window, total)
}

pub(super) async fn find(connection: &mut AsyncPgConnection, id: JobId) -> Result<Option<Job>, Fault> {
    let row = all_jobs::table.filter(all_jobs::id.eq(id.0)).select(JobRow::as_select());
    let row = row.get_result(connection).await.optional().map_err(fault)?;
    row.map(Job::try_from).transpose()
}
