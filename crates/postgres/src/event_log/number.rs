//! Numbering what has been committed.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Nullable},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault,
    event::{EventPosition, Numbered},
};

use crate::error::fault;

/// How many records get a number in one statement.
const MAX_RECORDS: i64 = 2_000;

/// Numbers records. None are numbered while another process does so.
pub(super) async fn number(connection: &mut AsyncPgConnection) -> Result<Option<Numbered>, Fault> {
    let (head, seen): (Option<i64>, i64) = NumberRecords.get_result(connection).await.map_err(fault)?;
    let numbered = |head| Numbered { head: EventPosition::after_record(head + seen), is_partial: seen == MAX_RECORDS };
    Ok(head.map(numbered))
}

/// One statement, so that the lock of the head is never held while a process has to answer.
///
/// It sees what was committed before it began, in the order of the sequences. Between that and the lock of the head
/// another process may have numbered some of it: those records are found to have changed when they are to be changed,
/// and are left out. Their places stay empty, which does no harm.
///
/// Records are found by their place in the table, which is the one look-up that takes the same time however many there
/// are and whatever the planner knows of them.
#[derive(QueryId)]
struct NumberRecords;

impl QueryFragment<Pg> for NumberRecords {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH committed AS MATERIALIZED (
                SELECT row, row_number() OVER (ORDER BY sequence) AS place FROM (
                    SELECT ctid AS row, sequence FROM event_log WHERE number IS NULL ORDER BY sequence LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&MAX_RECORDS)?;
        out.push_sql(
            ") AS unnumbered
            ), head AS MATERIALIZED (
                SELECT last FROM event_head WHERE EXISTS (SELECT FROM committed) FOR NO KEY UPDATE SKIP LOCKED
            ), moved AS (
                UPDATE event_head SET last = last + (SELECT count(*) FROM committed) WHERE EXISTS (SELECT FROM head)
            ), numbered AS (
                UPDATE event_log l SET number = (SELECT last FROM head) + c.place, numbered_at = clock_timestamp()
                FROM committed c WHERE l.ctid = c.row AND l.number IS NULL AND EXISTS (SELECT FROM head)
            ) SELECT (SELECT last FROM head), (SELECT count(*) FROM committed)",
        );
        Ok(())
    }
}

impl Query for NumberRecords {
    type SqlType = (Nullable<BigInt>, BigInt);
}
