//! The index of the trigrams of products' search texts.

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection,
    dsl::{AsExprOf, sql},
    expression::{SqlLiteral, UncheckedBind},
    select,
    sql_types::{BigInt, Bool, Text},
};

/// How many characters of a word the index knows at once. It knows nothing of shorter words.
const TRIGRAM: usize = 3;

/// The index is asked for so many trigrams at the most; where a search has more, the others tell little.
const MAX_TRIGRAMS: usize = 64;

/// A row number as another number that tells nothing of it: every third product may have something in common.
const SCATTERED: &str = "((product_search.rowid * 2654435761 & 4294967295) >> 12)";

/// Products that may have the words of a search: those that have their trigrams, all of them or a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidates {
    trigrams: String,
    /// One in so many.
    part: i64,
}

type Value<T, S> = AsExprOf<T, S>;

/// A condition with the trigrams and the part in it.
type Among = SqlLiteral<
    Bool,
    UncheckedBind<SqlLiteral<Bool, UncheckedBind<SqlLiteral<Bool>, Value<String, Text>>>, Value<i64, BigInt>>,
>;

impl Candidates {
    /// All that may have these words; `None` if all words are too short for the index.
    pub(super) fn of(words: &[String]) -> Option<Self> {
        let mut quoted: Vec<String> = Vec::new();
        // The index reads what it is asked for up to a NUL, which no product has.
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

    /// One in `part` of them, chosen at random, but always the same ones.
    pub(super) fn sample(&self, part: i64) -> Self {
        Self { trigrams: self.trigrams.clone(), part }
    }

    /// How many there are, counted up to a bound. Reads the index alone.
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

    /// Whether a product is one of them. Each is looked up.
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
    fn a_word_has_the_trigrams_of_its_characters() {
        assert_eq!(trigrams(&["ærøs", "xy"]).unwrap(), "\"ærø\" \"røs\"");
        assert_eq!(trigrams(&["aaaa", "a\"b"]).unwrap(), "\"aaa\" \"a\"\"b\"");
        assert_eq!(trigrams(&["xy", "z", "a\0bcd"]), None);
        let long: String = ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b}"))).collect();
        assert_eq!(trigrams(&[&long]).unwrap().split(' ').count(), MAX_TRIGRAMS);
    }
}
