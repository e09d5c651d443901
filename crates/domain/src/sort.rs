//! Sort orders of lists, and places in them.

use uuid::Uuid;

use crate::{Invalid, Timestamp, sort_text};

/// A sort direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A sort key of a list.
pub trait SortField: Copy + Eq + Sized + 'static {
    /// The items of the list.
    type Item;

    /// Every field with its name in the API.
    const ALL: &'static [(&'static str, Self)];

    /// The value of the key in an item. Stores compare text by code point.
    fn value(self, item: &Self::Item) -> SortValue;

    /// Whether the key may have this value. Older versions sorted by other values, and clients still have their places.
    fn may_be(self, value: &SortValue) -> bool {
        let _ = value;
        true
    }

    /// The identifier, which breaks ties.
    fn id(item: &Self::Item) -> Uuid;
}

/// The value of a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    Text(String),
    Integer(i64),
    Time(Timestamp),
}

/// The sort order of a list: one or more keys, followed by the identifier, which makes it total. The identifier sorts
/// in the direction of the last key, so that one index serves both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort<F>(Vec<(F, Direction)>);

impl<F: SortField> Sort<F> {
    /// Sorts by one key.
    pub fn by(field: F, direction: Direction) -> Self {
        Self(vec![(field, direction)])
    }

    /// Parses `name,-price`: names of [`SortField::ALL`], each at most once, with a minus for descending.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut keys: Vec<(F, Direction)> = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let (name, direction) =
                part.strip_prefix('-').map_or((part, Direction::Ascending), |name| (name, Direction::Descending));
            let Some((_, field)) = F::ALL.iter().find(|(known, _)| *known == name) else {
                let known: Vec<_> = F::ALL.iter().map(|(name, _)| *name).collect();
                return Err(Invalid::new(format!(
                    "must be a list of {}, each with an optional leading minus",
                    known.join(", ")
                )));
            };
            if keys.iter().any(|(seen, _)| seen == field) {
                return Err(Invalid::new(format!("must not name {name} twice")));
            }
            keys.push((*field, direction));
        }
        Ok(Self(keys))
    }

    /// The keys, the most significant first.
    pub fn keys(&self) -> &[(F, Direction)] {
        &self.0
    }

    /// The direction of the identifier.
    pub fn tie(&self) -> Direction {
        self.0.last().map_or(Direction::Ascending, |(_, direction)| *direction)
    }

    /// Whether a place may be one of this order.
    pub fn may_have(&self, place: &Keyset) -> bool {
        place.values.len() == self.0.len()
            && self.0.iter().zip(&place.values).all(|((field, _), value)| field.may_be(value))
    }

    /// The place of an item in this order.
    pub fn keyset_of(&self, item: &F::Item) -> Keyset {
        Keyset { values: self.0.iter().map(|(field, _)| field.value(item)).collect(), id: F::id(item) }
    }
}

impl SortValue {
    /// What names are sorted by.
    pub fn of_name(name: &str) -> Self {
        Self::Text(sort_text(name))
    }

    /// Whether this is what some name is sorted by.
    pub fn is_of_name(&self) -> bool {
        matches!(self, Self::Text(text) if sort_text(text) == *text)
    }
}

impl<F: SortField> std::fmt::Display for Sort<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (field, direction)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let minus = if *direction == Direction::Descending { "-" } else { "" };
            let name = F::ALL.iter().find(|(_, known)| known == field).map_or("", |(name, _)| *name);
            write!(f, "{comma}{minus}{name}")?;
        }
        Ok(())
    }
}

/// The columns that a store sorts a list by, ending with the identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortColumns(Vec<(&'static str, Direction)>);

impl SortColumns {
    /// The columns of a sort order, named by `name_of`, followed by `id`.
    pub fn of<F: SortField>(sort: &Sort<F>, name_of: fn(F) -> &'static str) -> Self {
        let keys = sort.keys().iter().map(|(field, direction)| (name_of(*field), *direction));
        Self(keys.chain([("id", sort.tie())]).collect())
    }

    /// Each column with its direction, the most significant first.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Direction)> {
        self.0.iter().copied()
    }

    /// Pairs the columns with the values of a place.
    pub fn after(&self, place: &Keyset) -> KeysetTerms {
        let values = place.values.iter().map(|value| match value {
            SortValue::Text(text) => KeyValue::Text(text.clone()),
            SortValue::Integer(number) => KeyValue::Integer(*number),
            SortValue::Time(at) => KeyValue::Time(*at),
        });
        let values = values.chain([KeyValue::Id(place.id)]);
        KeysetTerms(self.iter().zip(values).map(|((column, direction), value)| (column, direction, value)).collect())
    }
}

/// The value of a column at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    Text(String),
    Integer(i64),
    Time(Timestamp),
    Id(Uuid),
}

/// The comparison that selects the rows after a place: each column, its direction, and its value at the place.
///
/// If all columns have the same direction, a row is after the place if its columns, compared as a tuple, are beyond the
/// values. Otherwise it is if its first column is beyond the value, or equal to it and the rest of the columns are
/// after the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysetTerms<V = KeyValue>(Vec<(&'static str, Direction, V)>);

impl<V> KeysetTerms<V> {
    /// The terms, the most significant first.
    pub fn as_slice(&self) -> &[(&'static str, Direction, V)] {
        &self.0
    }

    /// Converts the values.
    pub fn map<W>(self, convert: impl Fn(V) -> W) -> KeysetTerms<W> {
        KeysetTerms(self.0.into_iter().map(|(column, direction, value)| (column, direction, convert(value))).collect())
    }

    /// The common direction of all columns, if they have one.
    pub fn common_direction(&self) -> Option<Direction> {
        let (_, first, _) = self.0.first()?;
        self.0.iter().all(|(_, direction, _)| direction == first).then_some(*first)
    }
}

/// A place in a sorted list: the sort values and the identifier of the item there. It remains valid when that item is
/// deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset {
    /// One value per key of the [`Sort`].
    pub values: Vec<SortValue>,
    pub id: Uuid,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::ProductSort;

    #[test]
    fn printed_sort_order_is_parsed_back() {
        for text in ["name", "-price", "name,-price", "-createdAt,sku"] {
            assert_eq!(Sort::<ProductSort>::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn unknown_and_repeated_keys_are_refused() {
        for bad in ["", "nope", "name,", "name,-name", "--name", "name;drop table products"] {
            assert!(Sort::<ProductSort>::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn columns_are_compared_with_the_values_of_a_place() {
        let name = |field| if field == ProductSort::Price { "amount" } else { "name" };
        let columns = |text| SortColumns::of(&Sort::<ProductSort>::parse(text).unwrap(), name);
        let place = Keyset { values: vec![SortValue::Integer(5), SortValue::Text("a".into())], id: Uuid::nil() };
        let terms = columns("-price,name").after(&place);
        let expected = [
            ("amount", Direction::Descending, KeyValue::Integer(5)),
            ("name", Direction::Ascending, KeyValue::Text("a".into())),
            ("id", Direction::Ascending, KeyValue::Id(Uuid::nil())),
        ];
        assert_eq!(terms.as_slice(), expected);
        assert_eq!(terms.common_direction(), None);
        assert_eq!(columns("-price,-name").after(&place).common_direction(), Some(Direction::Descending));
    }

    #[test]
    fn cursor_by_name_has_a_folded_name() {
        let sort = Sort::<ProductSort>::parse("name,price").unwrap();
        let may_have = |values: &[SortValue]| sort.may_have(&Keyset { values: values.to_vec(), id: Uuid::nil() });
        let price = SortValue::Integer(1);
        assert!(may_have(&[SortValue::of_name("Ærø Mug"), price.clone()]));
        assert!(!may_have(&[SortValue::Text("Ærø Mug".into()), price.clone()]));
        assert!(!may_have(&[SortValue::Time(crate::Timestamp::UNIX_EPOCH), price.clone()]));
        assert!(!may_have(&[SortValue::of_name("a")]));
    }

    #[test]
    fn ties_go_the_way_of_the_last_key() {
        let tie = |text| Sort::<ProductSort>::parse(text).unwrap().tie();
        assert_eq!(tie("name,-price"), Direction::Descending);
        assert_eq!(tie("-price,name"), Direction::Ascending);
    }
}
