//! What every list does alike.

use diesel::{SqliteConnection, connection::SimpleConnection};
use entrepot_domain::{Fault, Listing, Window};

use crate::error::fault;

/// How many rows to read, which is one more than are shown, and how many to skip.
pub(crate) fn bounds(window: &Window) -> (i64, i64) {
    let offset = i64::try_from(window.offset()).unwrap_or(i64::MAX);
    (i64::from(window.limit().get()) + 1, offset)
}

/// Runs several queries on one state of the store.
pub(crate) fn snapshot<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.batch_execute("BEGIN").map_err(fault)?;
    let result = work(connection);
    connection.batch_execute("ROLLBACK").map_err(fault)?;
    result
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
