//! What every list does alike.

use diesel::{SqliteConnection, connection::SimpleConnection, declare_sql_function, sql_types::Text};
use entrepot_domain::{Fault, Listing, Window};

use crate::error::fault;

/// How many rows to read, which is one more than are shown, and how many to skip.
pub(crate) fn bounds(window: &Window) -> (i64, i64) {
    let offset = i64::try_from(window.offset()).unwrap_or(i64::MAX);
    (i64::from(window.limit().get()) + 1, offset)
}

#[declare_sql_function]
extern "SQL" {
    /// Where in `text` the `words` begin, from 1 on; 0 where they are not. Unlike LIKE it has no signs to escape, no
    /// case of its own, no longest pattern, and does not stop at a NUL.
    fn instr(text: Text, words: Text) -> BigInt;
}

/// Runs several queries on one state of the store.
pub(crate) fn snapshot<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.batch_execute("BEGIN").map_err(fault)?;
    let result = work(connection);
    match connection.batch_execute("ROLLBACK") {
        // A failed read may have ended the transaction already; its own error says more.
        Err(error) if result.is_ok() => Err(fault(error)),
        _ => result,
    }
}

/// How SQLite would go about a query, each step in a line.
#[cfg(test)]
pub(crate) fn plan_of(connection: &mut SqliteConnection, query: impl std::fmt::Display) -> Result<String, Fault> {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let steps = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}"));
    let steps: Vec<Step> = diesel::RunQueryDsl::load(steps, connection).map_err(fault)?;
    Ok(steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n"))
}

/// Rows as a part of a list.
pub(crate) fn listing<R, T>(rows: Vec<R>, total: Option<i64>, window: &Window) -> Result<Listing<T>, Fault>
where
    T: TryFrom<R, Error = Fault>,
{
    let items: Result<Vec<T>, Fault> = rows.into_iter().map(T::try_from).collect();
    let total = total.map(u64::try_from).transpose().map_err(Fault::unknown)?;
    Ok(Listing::from_rows(items?, window.limit(), total))
}
