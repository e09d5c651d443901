//! Lists of audit entries.

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    audit::{AuditEntry, AuditFilter, AuditQuery, AuditSort},
};

use super::row::EntryRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::snapshot,
    schema::audit_entries,
    value::Id,
};

const fn column(field: AuditSort) -> &'static str {
    match field {
        AuditSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &AuditFilter) -> audit_entries::BoxedQuery<'_, Sqlite> {
    let mut query = audit_entries::table.into_boxed();
    if let Some(actor) = filter.actor {
        query = query.filter(audit_entries::actor_id.eq(Id(actor.0)));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit_entries::action.eq(action.as_str()));
    }
    if let Some(subject) = filter.subject {
        query = query.filter(audit_entries::subject_id.eq(Id(subject)));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_entries::created_at.ge(from.timestamp_millis()));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_entries::created_at.le(to.timestamp_millis()));
    }
    query
}

/// The rows of the window, and one more.
fn shown(query: &AuditQuery) -> Select<audit_entries::BoxedQuery<'_, Sqlite>, AsSelect<EntryRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(EntryRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) fn list(connection: &mut SqliteConnection, query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault> {
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let rows: Vec<EntryRow> = shown(query).load(connection).map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}

#[cfg(test)]
mod tests {
    use diesel::{connection::SimpleConnection, debug_query};
    use entrepot_domain::{Keyset, Limit, Sort, SortValue, audit::AuditAction};
    use entrepot_testkit::{at, id, user_id};

    use super::*;
    use crate::{SqliteOptions, SqliteStore, listing::plan_of};

    /// Two thousand entries by twenty users about a hundred subjects, two per time, and statistics for the planner.
    const ENTRIES: &str = "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
        INSERT INTO audit_entries SELECT CAST(printf('%016d', i) AS BLOB), i / 2, 'user',
            CAST(printf('%016d', i % 20) AS BLOB), NULL, '::1', 'r', CASE i % 3 WHEN 0 THEN 'user.updated' ELSE
            'session.started' END, 'user', CAST(printf('%016d', i % 100) AS BLOB), '[]', NULL FROM n;
        ANALYZE;";

    /// Every set of filters, with and without a time, in both directions, from the start and from a place.
    fn queries() -> Vec<AuditQuery> {
        let place = Keyset { values: vec![SortValue::Time(at(5))], id: id(5) };
        let mut queries = Vec::new();
        for filters in 0..16_u8 {
            let when = |bit: u8| filters & bit != 0;
            let filter = AuditFilter {
                actor: when(1).then(|| user_id(1)),
                action: when(2).then_some(AuditAction::UserUpdated),
                subject: when(4).then(|| id(1)),
                from: when(8).then(|| at(1)),
                to: None,
            };
            for sort in ["-createdAt", "createdAt"].map(|text| Sort::parse(text).unwrap()) {
                for place in [None, Some(place.clone())] {
                    let window = Window::After { place, limit: Limit::default() };
                    queries.push(AuditQuery { filter: filter.clone(), sort: sort.clone(), window });
                }
            }
        }
        queries
    }

    #[tokio::test]
    async fn every_list_follows_an_index_and_sorts_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        for content in ["", ENTRIES] {
            store.write(move |connection| connection.batch_execute(content).map_err(fault)).await.unwrap();
            for query in queries() {
                let asked = format!("{query:?}");
                // The text is followed by its values, as a comment.
                let sql = debug_query::<Sqlite, _>(&shown(&query)).to_string();
                let plan = store.read(move |connection| plan_of(connection, sql)).await.unwrap();
                assert!(plan.contains("SEARCH") || !asked.contains("Some"), "{asked}: {plan}");
                assert!(plan.contains("USING INDEX audit_entries_by_"), "{asked}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{asked}: {plan}");
            }
        }
    }
}
