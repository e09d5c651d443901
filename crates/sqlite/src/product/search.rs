//! The index of the trigrams of products' search texts.

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection,
    dsl::{AsExprOf, sql},
    expression::{SqlLiteral, UncheckedBind},
    select,
    sql_types::{BigInt, Bool, Text},
};

/// The number of characters of an index entry. Shorter words are not indexed.
const TRIGRAM: usize = 3;

/// The maximum number of trigrams looked up for a search; more would hardly narrow the result.
const MAX_TRIGRAMS: usize = 64;

/// Hashes a row number, so that a sample is independent of patterns among row numbers.
const SCATTERED: &str = "((product_search.rowid * 2654435761 & 4294967295) >> 12)";

/// The products that may match a search: those with all trigrams of its words, or a sample of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidates {
    trigrams: String,
    /// The sample is one in this many.
    part: i64,
}

type Value<T, S> = AsExprOf<T, S>;

/// A condition with the trigrams and the sample as values.
type Among = SqlLiteral<
    Bool,
    UncheckedBind<SqlLiteral<Bool, UncheckedBind<SqlLiteral<Bool>, Value<String, Text>>>, Value<i64, BigInt>>,
>;

impl Candidates {
    /// Returns all products that may match these words; `None` if all words are too short for the index.
    pub(super) fn of(words: &[String]) -> Option<Self> {
        let mut quoted: Vec<String> = Vec::new();
        // FTS reads a query up to the first NUL; no product contains one.
        for word in words.iter().filter(|word| !word.contains('\0')) {
            let characters: Vec<char> = word.chars().collect();
            for trigram in characters.windows(TRIGRAM) {
                let trigram = format!("\"{}\"", trigram.iter().collect::<String>().replace('"', "\"\""));
                if quoted.len() < MAX_TRIGRAMS && !quoted.contains(&trigram) {
                    quoted.push(trigram);
                }
            }
        }
        (!quoted.is_empty()).then(|| Self { trigrams: quoted.join(" "), part: 1 })
    }

    /// Returns a pseudo-random sample of one in `part`, the same each time.
    pub(super) fn sample(&self, part: i64) -> Self {
        Self { trigrams: self.trigrams.clone(), part }
    }

    /// Counts the candidates, up to a bound. Reads only the index.
    pub(super) fn count(&self, connection: &mut SqliteConnection, bound: i64) -> QueryResult<i64> {
        let count = sql::<BigInt>("(SELECT count(*) FROM (SELECT 1 FROM product_search WHERE product_search MATCH ")
            .bind::<Text, _>(&self.trigrams)
            .sql(&format!(" AND {SCATTERED} % "))
            .bind::<BigInt, _>(self.part)
            .sql(" = 0 LIMIT ")
            .bind::<BigInt, _>(bound)
            .sql("))");
        select(count).get_result(connection)
    }

    /// A condition that holds for candidates. Each product is looked up.
    pub(super) fn include_id(&self) -> Among {
        sql("id IN (SELECT product_id FROM product_search JOIN product_search_rows ON row = product_search.rowid \
             WHERE product_search MATCH ")
        .bind::<Text, _>(self.trigrams.clone())
        .sql(&format!(" AND {SCATTERED} % "))
        .bind::<BigInt, _>(self.part)
        .sql(" = 0)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigrams(words: &[&str]) -> Option<String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Candidates::of(&words).map(|candidates| candidates.trigrams)
    }

    #[test]
    fn word_has_the_trigrams_of_its_characters() {
        assert_eq!(trigrams(&["ærøs", "xy"]).unwrap(), "\"ærø\" \"røs\"");
        assert_eq!(trigrams(&["aaaa", "a\"b"]).unwrap(), "\"aaa\" \"a\"\"b\"");
        assert_eq!(trigrams(&["xy", "z", "a\0bcd"]), None);
        let long: String = ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}"))).collect();
        assert_eq!(trigrams(&[&long]).unwrap().split(' ').count(), MAX_TRIGRAMS);
    }
}
