//! The log, as it is read.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    audit::{AuditEntry, AuditFilter, AuditQuery, AuditSort},
};

use super::row::EntryRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::counted,
    schema::audit_entries,
};

const fn column(field: AuditSort) -> &'static str {
    match field {
        AuditSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &AuditFilter) -> audit_entries::BoxedQuery<'_, Pg> {
    let mut query = audit_entries::table.into_boxed();
    if let Some(actor) = filter.actor {
        query = query.filter(audit_entries::actor_id.eq(actor.0));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit_entries::action.eq(action.as_str()));
    }
    if let Some(subject) = filter.subject {
        query = query.filter(audit_entries::subject_id.eq(subject));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_entries::created_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_entries::created_at.le(to));
    }
    query
}

/// The window, with one row more than it shows.
fn shown(query: &AuditQuery) -> audit_entries::BoxedQuery<'_, Pg> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault> {
    let count = || filtered(&query.filter).select(count_star());
    let rows: Vec<(EntryRow, Option<i64>)> = if let Window::Page { .. } = query.window {
        let counted = shown(query).select((EntryRow::as_select(), count().single_value()));
        counted.load(connection).await.map_err(fault)?
    } else {
        let rows: Vec<EntryRow> = shown(query).select(EntryRow::as_select()).load(connection).await.map_err(fault)?;
        rows.into_iter().map(|row| (row, None)).collect()
    };
    counted(&query.window, rows, count().get_result(connection)).await
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{Keyset, Limit, Sort, SortValue, audit::AuditAction};
    use entrepot_testkit::{at, id, user_id};

    use super::*;
    use crate::listing::tests::{filled, pages_for, plan_of};

    /// Fifty thousand entries by a hundred users about as many things, and what the planner wants to know of them.
    const ENTRIES: &str = "
        INSERT INTO audit_entries SELECT gen_random_uuid(), to_timestamp(1767225600 + i / 2), 'user',
            lpad((1 + i % 100)::text, 32, '0')::uuid, NULL, '::1', 'r',
            (ARRAY['user.updated', 'session.started', 'session.ended'])[1 + i % 3], 'user',
            lpad((1 + i / 7 % 100)::text, 32, '0')::uuid, '[]', NULL FROM generate_series(1, 50000) i;
        ANALYZE;";

    fn query(filter: AuditFilter, sort: &str, place: Option<Keyset>) -> AuditQuery {
        let window = Window::After { place, limit: Limit::default() };
        AuditQuery { filter, sort: Sort::parse(sort).unwrap(), window }
    }

    fn place(seconds: i64) -> Keyset {
        Keyset { values: vec![SortValue::Time(at(seconds))], id: id(5) }
    }

    /// Every one filter, and none, with and without a time, both ways, from the beginning and from a place.
    fn queries() -> Vec<AuditQuery> {
        let none = AuditFilter::default;
        let mut queries = Vec::new();
        for filter in [
            none(),
            AuditFilter { actor: Some(user_id(1)), ..none() },
            AuditFilter { action: Some(AuditAction::UserUpdated), ..none() },
            AuditFilter { subject: Some(id(1)), ..none() },
        ] {
            for from in [None, Some(at(100))] {
                for sort in ["-createdAt", "createdAt"] {
                    for place in [None, Some(place(20_000))] {
                        queries.push(query(AuditFilter { from, ..filter.clone() }, sort, place));
                    }
                }
            }
        }
        queries
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_list_follows_an_index_and_sorts_nothing() {
        let (mut connection, _database) = filled(ENTRIES).await;
        for query in queries() {
            let plan = plan_of(&mut connection, shown(&query).select(EntryRow::as_select())).await;
            assert!(plan.contains("Index Scan") && plan.contains("using audit_entries_by_"), "{query:?}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{query:?}: {plan}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn page_cost_does_not_depend_on_depth() {
        let (mut connection, _database) = filled(ENTRIES).await;
        let mut costs = Vec::new();
        for seconds in [24_999, 12_500, 100] {
            let query = query(AuditFilter::default(), "-createdAt", Some(place(seconds)));
            // The first look at new rows also writes down that they were committed.
            pages_for(&mut connection, shown(&query)).await;
            costs.push(pages_for(&mut connection, shown(&query)).await);
        }
        let [first, middle, last] = costs.as_slice() else { panic!("{costs:?}") };
        assert!(*first > 0 && *middle <= first * 3 / 2 && *last <= first * 3 / 2, "{costs:?}");
    }
}
