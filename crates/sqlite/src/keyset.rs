//! Keyset conditions in SQL.

use diesel::{
    dsl::sql,
    expression::{AppearsOnTable, Expression, SelectableExpression, SqlLiteral, ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Binary, Bool, Text},
    sqlite::Sqlite,
};
use entrepot_domain::{Direction, KeyValue, Keyset, KeysetTerms, SortColumns};

use crate::value::Id;

/// The `ORDER BY` terms: `name ASC, id ASC`.
pub(crate) fn order(columns: &SortColumns) -> SqlLiteral<Bool> {
    let word = |direction| match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    let terms: Vec<_> = columns.iter().map(|(name, direction)| format!("{name} {}", word(direction))).collect();
    sql(&terms.join(", "))
}

/// The condition for rows after a place.
pub(crate) fn after(columns: &SortColumns, place: &Keyset) -> After {
    After(columns.after(place).map(Value::from))
}

/// `(name, id) > (?, ?)` if all columns have one direction, which one index answers; otherwise `name >= ? AND (name > ?
/// OR amount < ? …)`, for whose first part the first column's index is used.
pub(crate) struct After(KeysetTerms<Value>);

/// A value in SQLite's representation.
enum Value {
    Text(String),
    Integer(i64),
    Id(Id),
}

impl From<KeyValue> for Value {
    fn from(value: KeyValue) -> Self {
        match value {
            KeyValue::Text(text) => Self::Text(text),
            KeyValue::Integer(number) => Self::Integer(number),
            KeyValue::Time(at) => Self::Integer(at.timestamp_millis()),
            KeyValue::Id(id) => Self::Id(Id(id)),
        }
    }
}

fn bind<'b>(value: &'b Value, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
    match value {
        Value::Text(text) => out.push_bind_param::<Text, _>(text),
        Value::Integer(number) => out.push_bind_param::<BigInt, _>(number),
        Value::Id(id) => out.push_bind_param::<Binary, _>(id),
    }
}

const fn beyond(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => ">",
        Direction::Descending => "<",
    }
}

impl After {
    fn as_tuple<'b>(&'b self, direction: Direction, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let names: Vec<_> = self.0.as_slice().iter().map(|(name, ..)| *name).collect();
        out.push_sql(&format!("({}) {} (", names.join(", "), beyond(direction)));
        for (place, (.., value)) in self.0.as_slice().iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            bind(value, out)?;
        }
        out.push_sql(")");
        Ok(())
    }

    fn nested<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Some(((last, direction, value), before)) = self.0.as_slice().split_last() else { return Ok(()) };
        for (name, direction, value) in before {
            out.push_sql(&format!("({name} {}= ", beyond(*direction)));
            bind(value, out)?;
            out.push_sql(&format!(" AND ({name} {} ", beyond(*direction)));
            bind(value, out)?;
            out.push_sql(" OR ");
        }
        out.push_sql(&format!("{last} {} ", beyond(*direction)));
        bind(value, out)?;
        out.push_sql(&"))".repeat(before.len()));
        Ok(())
    }
}

impl QueryFragment<Sqlite> for After {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("(");
        match self.0.common_direction() {
            Some(direction) => self.as_tuple(direction, &mut out)?,
            None => self.nested(&mut out)?,
        }
        out.push_sql(")");
        Ok(())
    }
}

/// The SQL depends on the sort order, so the text, and not the type, identifies the prepared statement.
impl QueryId for After {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for After {
    type SqlType = Bool;
}

impl<T> AppearsOnTable<T> for After {}
impl<T> SelectableExpression<T> for After {}
impl ValidGrouping<()> for After {
    type IsAggregate = is_aggregate::No;
}
