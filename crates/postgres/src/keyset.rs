//! Places in sorted lists, as SQL.

use diesel::{
    dsl::sql,
    expression::{AppearsOnTable, Expression, SelectableExpression, SqlLiteral, ValidGrouping, is_aggregate},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use entrepot_domain::{Direction, Keyset, Sort, SortField, SortValue, Timestamp};
use uuid::Uuid;

/// The columns of a list's sort, the identifier last.
pub(crate) struct Columns(Vec<(&'static str, Direction)>);

impl Columns {
    /// The columns behind a sort, each as `name_of` calls it, with the identifier behind them.
    pub(crate) fn of<F: SortField>(sort: &Sort<F>, name_of: fn(F) -> &'static str) -> Self {
        let keys = sort.keys().iter().map(|(field, direction)| (name_of(*field), *direction));
        Self(keys.chain([("id", sort.tie())]).collect())
    }

    /// `name ASC, id ASC`, to order by.
    pub(crate) fn order(&self) -> SqlLiteral<Bool> {
        let terms: Vec<_> = self.0.iter().map(|(name, direction)| format!("{name} {}", word(*direction))).collect();
        sql(&terms.join(", "))
    }

    /// What stands behind a place.
    pub(crate) fn after(&self, place: &Keyset) -> After {
        let values = place.values.iter().map(|value| match value {
            SortValue::Text(text) => Value::Text(text.clone()),
            SortValue::Integer(number) => Value::Integer(*number),
            SortValue::Time(at) => Value::Time(*at),
        });
        let values = values.chain([Value::Id(place.id)]);
        After { terms: self.0.iter().zip(values).map(|((name, way), value)| (*name, *way, value)).collect() }
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}

/// The rows behind a place: `(name, id) > (?, ?)` where all keys go one way, which one index answers; else
/// `name >= ? AND (name > ? OR amount < ? …)`, of which the first key's index answers the beginning.
pub(crate) struct After {
    terms: Vec<(&'static str, Direction, Value)>,
}

enum Value {
    Text(String),
    Integer(i64),
    Time(Timestamp),
    Id(Uuid),
}

impl Value {
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Text(text) => out.push_bind_param::<Text, _>(text),
            Self::Integer(number) => out.push_bind_param::<BigInt, _>(number),
            Self::Time(at) => out.push_bind_param::<Timestamptz, _>(at),
            Self::Id(id) => out.push_bind_param::<SqlUuid, _>(id),
        }
    }
}

const fn beyond(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " > ",
        Direction::Descending => " < ",
    }
}

impl After {
    /// The one way that all keys go, if they do.
    fn one_way(&self) -> Option<Direction> {
        let (_, first, _) = self.terms.first()?;
        self.terms.iter().all(|(_, way, _)| way == first).then_some(*first)
    }

    fn row_value<'b>(&'b self, way: Direction, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let names: Vec<_> = self.terms.iter().map(|(name, ..)| *name).collect();
        out.push_sql(&format!("({}){}(", names.join(", "), beyond(way)));
        for (place, (_, _, value)) in self.terms.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            value.bind(out)?;
        }
        out.push_sql(")");
        Ok(())
    }

    fn nested<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some(((last, way, value), before)) = self.terms.split_last() else { return Ok(()) };
        for (name, way, value) in before {
            out.push_sql(&format!("({name}{}= ", beyond(*way).trim_end()));
            value.bind(out)?;
            out.push_sql(&format!(" AND ({name}{}", beyond(*way)));
            value.bind(out)?;
            out.push_sql(" OR ");
        }
        out.push_sql(&format!("{last}{}", beyond(*way)));
        value.bind(out)?;
        out.push_sql(&"))".repeat(before.len()));
        Ok(())
    }
}

impl QueryFragment<Pg> for After {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        match self.one_way() {
            Some(way) => self.row_value(way, &mut out)?,
            None => self.nested(&mut out)?,
        }
        out.push_sql(")");
        Ok(())
    }
}

/// The SQL differs from sort to sort, so the text, not the type, names the prepared statement.
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
