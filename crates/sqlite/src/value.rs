//! Conversion of column values.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::Binary,
    sqlite::Sqlite,
};
use entrepot_domain::{Fault, Invalid, Timestamp, user::Roles};
use uuid::Uuid;

use crate::error::broken_row;

/// An identifier in a column: the 16 bytes of a UUID, which sort as the UUID does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(crate) struct Id(pub(crate) Uuid);

impl FromSql<Binary, Sqlite> for Id {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.read_blob())?))
    }
}

impl ToSql<Binary, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

/// Converts a column value; the error names the row and column.
pub(crate) fn read<T>(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    parsed: Result<T, Invalid>,
) -> Result<T, Fault> {
    parsed.map_err(|why| broken_row(table, column, row, why))
}

/// Converts milliseconds to a time.
pub(crate) fn moment(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    millis: i64,
) -> Result<Timestamp, Fault> {
    Timestamp::from_timestamp_millis(millis).ok_or_else(|| broken_row(table, column, row, "is no moment"))
}

/// Converts a column value to roles.
pub(crate) fn roles(row: impl std::fmt::Display + Copy, sum: i64) -> Result<Roles, Fault> {
    let bits = u8::try_from(sum).map_err(|_| broken_row("users", "roles", row, "is no sum of roles"))?;
    read("users", "roles", row, Roles::from_bits(bits))
}
