//! Helpers for all lists.

use diesel::{SqliteConnection, connection::SimpleConnection, declare_sql_function, sql_types::Text};
use entrepot_domain::Fault;

use crate::error::fault;

#[declare_sql_function]
extern "SQL" {
    /// Where in `text` the `words` begin, from 1 on; 0 where they are not. Unlike LIKE it has no signs to escape, no
    /// case of its own, no longest pattern, and does not stop at a NUL.
    fn instr(text: Text, words: Text) -> BigInt;
}

/// Runs several queries on the same snapshot.
pub(crate) fn snapshot<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.batch_execute("BEGIN").map_err(fault)?;
    let result = work(connection);
    match connection.batch_execute("ROLLBACK") {
        // A failed read may have ended the transaction already; its own error is more specific.
        Err(error) if result.is_ok() => Err(fault(error)),
        _ => result,
    }
}

/// SQLite's plan of a query, one step per line.
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
