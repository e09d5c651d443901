//! Searches of the catalogue, as SQL.

use diesel::{
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Bool, Text},
};

use crate::schema::products;

/// A condition that the search text of a product contains a word. `LIKE`, because the trigram index supports it.
///
/// For a rare word the planner uses the index, and for a frequent one it scans the list in its order. It can choose
/// only if it plans for the actual word, so the statement is prepared anew each time.
pub(super) struct HasWord {
    /// `None` matches nothing.
    pattern: Option<String>,
}

impl HasWord {
    pub(super) fn new(word: &str) -> Self {
        let escape = |character| {
            let escaped = matches!(character, '\\' | '%' | '_');
            escaped.then_some('\\').into_iter().chain([character])
        };
        // A text in PostgreSQL cannot contain a NUL.
        let pattern =
            (!word.contains('\0')).then(|| format!("%{}%", word.chars().flat_map(escape).collect::<String>()));
        Self { pattern }
    }
}

impl QueryFragment<Pg> for HasWord {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        if let Some(pattern) = &self.pattern {
            out.push_sql("products.search LIKE ");
            return out.push_bind_param::<Text, _>(pattern);
        }
        out.push_sql("FALSE");
        Ok(())
    }
}

impl QueryId for HasWord {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for HasWord {
    type SqlType = Bool;
}

impl AppearsOnTable<products::table> for HasWord {}
impl SelectableExpression<products::table> for HasWord {}
impl ValidGrouping<()> for HasWord {
    type IsAggregate = is_aggregate::No;
}

/// Counts the rows of another query, which may have a limit.
pub(super) struct CountOf<Q>(pub(super) Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for CountOf<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS found");
        Ok(())
    }
}

impl<Q> QueryId for CountOf<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for CountOf<Q> {
    type SqlType = BigInt;
}

/// Returns the number of rows that a plan estimates.
pub(super) fn expected_rows(plan: &[String]) -> Option<i64> {
    let (_, rows) = plan.first()?.split_once(" rows=")?;
    rows.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_patterns_stand_for_themselves() {
        assert_eq!(HasWord::new("100%_\\é").pattern.unwrap(), "%100\\%\\_\\\\é%");
        assert_eq!(HasWord::new("a\0b").pattern, None);
    }

    #[test]
    fn first_plan_node_gives_the_expected_rows() {
        let plan = ["Seq Scan on products  (cost=0.00..88583.48 rows=484906 width=73)".to_owned()];
        assert_eq!(expected_rows(&plan), Some(484_906));
        assert_eq!(expected_rows(&[]), None);
    }
}
