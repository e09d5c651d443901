//! What every list does alike.

use diesel::{
    Expression, ExpressionMethods, declare_sql_function,
    dsl::Gt,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::Text,
};
use entrepot_domain::{Fault, Listing, Window};

use crate::error::fault;

#[declare_sql_function]
extern "SQL" {
    /// Where in `text` the `word` begins, from 1 on; 0 where it is not there. Unlike LIKE it has no signs to escape.
    fn strpos(text: Text, word: Text) -> Integer;
}

/// Whether a folded column contains a folded word. No text of PostgreSQL has a NUL, nor can one be asked for: a word that
/// has one is found nowhere, which is behind the last place there is.
pub(crate) fn contains<C: Expression<SqlType = Text>>(column: C, word: &str) -> Gt<strpos<C, String>, i32> {
    let before = if word.contains('\0') { i32::MAX } else { 0 };
    strpos(column, word.replace('\0', "")).gt(before)
}

/// The count of a page. Its statement returns it with each row, so that a page takes one round trip; `first` is the one of
/// the first row. A page beyond the last one has no row, and `count` is asked.
async fn total(
    window: &Window,
    first: Option<i64>,
    count: impl Future<Output = QueryResult<i64>>,
) -> Result<Option<i64>, Fault> {
    match (window, first) {
        (Window::UncountedPage { .. } | Window::After { .. }, _) => Ok(None),
        (Window::Page { .. }, Some(total)) => Ok(Some(total)),
        (Window::Page { .. }, None) if window.offset() == 0 => Ok(Some(0)),
        (Window::Page { .. }, None) => count.await.map(Some).map_err(fault),
    }
}

/// A list from rows that each have the count of [`total`]. `count` is asked where there is no row to tell it.
pub(crate) async fn counted<R, T>(
    window: &Window,
    rows: Vec<(R, Option<i64>)>,
    count: impl Future<Output = QueryResult<i64>>,
) -> Result<Listing<T>, Fault>
where
    T: TryFrom<R, Error = Fault>,
{
    let first = rows.as_slice().first().and_then(|(_, total)| *total);
    let total = total(window, first, count).await?;
    Listing::try_from_rows(rows.into_iter().map(|(row, _)| row).collect(), window, total)
}

/// `EXPLAIN` of another query: how the server would run it, or with `ANALYZE` how it did, each step in a line.
pub(crate) struct Explain<Q>(pub(crate) &'static str, pub(crate) Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Explain<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(self.0);
        self.1.walk_ast(out)
    }
}

impl<Q> QueryId for Explain<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Explain<Q> {
    type SqlType = Text;
}

#[cfg(test)]
pub(crate) mod tests {
    use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
    use entrepot_testkit::Database;
    use tokio::task::spawn_blocking;

    use super::*;
    use crate::{PostgresOptions, migrate};

    /// A connection to a database that has the schema and this content.
    pub(crate) async fn filled(content: &str) -> (AsyncPgConnection, Database) {
        let database = Database::empty().await.unwrap();
        let options = PostgresOptions::parse(database.url()).unwrap();
        spawn_blocking(move || migrate(&options)).await.unwrap().unwrap();
        let mut connection = AsyncPgConnection::establish(database.url()).await.unwrap();
        connection.batch_execute(content).await.unwrap();
        (connection, database)
    }

    /// Each step in a line.
    pub(crate) async fn plan_of<Q: QueryFragment<Pg> + Send>(connection: &mut AsyncPgConnection, query: Q) -> String {
        let steps: Vec<String> = Explain("EXPLAIN ", query).load(connection).await.unwrap();
        steps.join("\n")
    }

    /// How many pages of the database were looked at for an answer, which is what it costs, on any machine.
    pub(crate) async fn pages_for<Q: QueryFragment<Pg> + Send>(connection: &mut AsyncPgConnection, query: Q) -> u32 {
        let analysed = Explain("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) ", query);
        let steps: Vec<String> = analysed.load(connection).await.unwrap();
        // What the first step used is what all did.
        let used = steps.iter().find_map(|step| step.trim().strip_prefix("Buffers: shared ")).unwrap();
        used.split_whitespace().filter_map(|part| part.split_once('=')?.1.parse::<u32>().ok()).sum()
    }
}
