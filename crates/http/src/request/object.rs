//! Requests: objects whose fields are declared in a struct.

use entrepot_application::FieldError;
use garde::Validate;
use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, Visitor, value::MapAccessDeserializer},
    forward_to_deserialize_any,
};

use super::{
    field::{FromJson, Mistakes, Parsed},
    json::Name,
};

/// A request, or an object inside of one: a struct of [`Field`](super::Field)s with a derived `Deserialize`
/// (`rename_all = "camelCase"`) and a derived `Validate` (`dive` for each field).
pub(crate) trait Request: DeserializeOwned + Validate<Context = ()> {
    /// Whether it may come as a form (`application/x-www-form-urlencoded`) too.
    const FORM: bool = false;
}

impl<T: Request> FromJson for T {
    const EXPECTED: &'static str = "an object";

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Parsed<Self>, A::Error> {
        let mut unknown = Vec::new();
        let request = T::deserialize(MapAccessDeserializer::new(Entries::new(object, &mut unknown)))?;
        let mut errors = mistakes(&request);
        unknown.sort_unstable();
        errors.extend(unknown.into_iter().map(|name| FieldError::new(name, "is not a known field")));
        Ok(if errors.is_empty() { Ok(request) } else { Err(Mistakes(errors)) })
    }
}

/// Everything that is wrong with the fields, by the names that clients know them by.
pub(super) fn mistakes(request: &impl Validate<Context = ()>) -> Vec<FieldError> {
    let Err(report) = request.validate() else { return Vec::new() };
    let errors = report.into_inner().into_iter();
    errors.map(|(path, error)| FieldError::new(client_name(&path.to_string()), error.message())).collect()
}

/// A path that begins with the name of a field of a struct, as `serde` renames it. What follows was renamed before.
fn client_name(path: &str) -> String {
    // A field whose name is a keyword.
    let path = path.strip_prefix("r#").unwrap_or(path);
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (field, place) = path.split_at_checked(end).unwrap_or((path, ""));
    let mut name = String::with_capacity(path.len());
    for (place, word) in field.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if place > 0 => name.push(first.to_ascii_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.push_str(letters.as_str());
    }
    name + place
}

/// The entries of an object, on their way into a struct. Notes the names that the struct does not know.
pub(super) struct Entries<'u, 'de, A> {
    inner: A,
    name: Name<'de>,
    unknown: &'u mut Vec<String>,
}

impl<'u, A> Entries<'u, '_, A> {
    pub(super) fn new(inner: A, unknown: &'u mut Vec<String>) -> Self {
        Self { inner, name: Name("".into()), unknown }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.inner.next_key()? else { return Ok(None) };
        self.name = name;
        self.name.give_to(seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(EntrySeed { seed, name: &self.name, unknown: self.unknown })
    }
}

struct EntrySeed<'e, 'de, S> {
    seed: S,
    name: &'e Name<'de>,
    unknown: &'e mut Vec<String>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for EntrySeed<'_, '_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Entry { inner: deserializer, name: self.name, unknown: self.unknown })
    }
}

/// The value of an entry.
struct Entry<'e, 'de, D> {
    inner: D,
    name: &'e Name<'de>,
    unknown: &'e mut Vec<String>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Entry<'_, '_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }

    /// An entry that is there is something, even if it is `null`.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self.inner)
    }

    /// The struct has no field of this name.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.unknown.push(self.name.0.as_ref().to_owned());
        self.inner.deserialize_ignored_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::product::{Quantity, Sku};
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::{
        super::{Field, field::Whole},
        *,
    };

    #[derive(Deserialize, Validate)]
    struct Item {
        #[garde(dive)]
        n: Field<Quantity>,
    }

    impl Request for Item {}

    #[derive(Deserialize, Validate)]
    #[allow(dead_code, reason = "its mistakes are looked at alone")]
    struct Everything {
        #[garde(dive)]
        a: Field<Sku>,
        #[garde(dive)]
        b: Field<Sku>,
        #[garde(dive)]
        c: Field<i64>,
        #[garde(dive)]
        d: Field<Option<i64>>,
        #[garde(dive)]
        e: Field<Items>,
        #[garde(dive)]
        f: Field<Option<Sku>>,
        #[garde(dive)]
        g: Field<i64>,
    }

    impl Request for Everything {}

    #[derive(Debug)]
    struct Items;

    impl FromJson for Items {
        const EXPECTED: &'static str = "a list";

        fn from_list<'de, A: serde::de::SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
            let items = super::super::field::items::<Item, A>(list, 10)?;
            Ok(items.map(|items| assert!(items.iter().all(|item| item.n.get().is_some()))).map(|()| Self))
        }
    }

    #[derive(Deserialize, Validate)]
    #[serde(rename_all = "camelCase")]
    struct Nothing {}

    impl Request for Nothing {}

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase")]
    struct Words {
        #[garde(dive, custom(never))]
        in_two_words: Field<i64>,
    }

    impl Request for Words {}

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it so")]
    fn never(_: &Field<i64>, (): &()) -> garde::Result {
        Err(garde::Error::new("is never right"))
    }

    fn errors<T: Request>(body: Value) -> Vec<String> {
        let Whole(read) = serde_json::from_value::<Whole<T>>(body).unwrap();
        let Err(Mistakes(errors)) = read else { return Vec::new() };
        errors.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect()
    }

    #[test]
    fn every_bad_field_is_named() {
        let body = json!({"b": 5, "c": 1.5, "d": "x", "e": [{"n": 0}, 7, {"n": 1, "m": 2}], "f": null, "g": 1e30});
        assert_eq!(
            errors::<Everything>(body),
            [
                "a is required",
                "b must be a text, not a number",
                "c must be a whole number",
                "d must be a whole number, not a text",
                "e[0].n must be between 1 and 2147483647",
                "e[1] must be an object, not a number",
                "e[2].m is not a known field",
                "f must be a text, not null",
                "g must be a whole number",
            ]
        );
    }

    #[test]
    fn number_out_of_range_is_named() {
        let body: Value = serde_json::from_str(r#"{"n": 18446744073709551615}"#).unwrap();
        assert_eq!(errors::<Item>(body), ["n is out of range"]);
    }

    #[test]
    fn unknown_fields_are_named() {
        assert_eq!(errors::<Nothing>(json!({"roles": ["admin"]})), ["roles is not a known field"]);
        assert_eq!(
            errors::<Nothing>(json!({"b_b": 1, "a": 2})),
            ["a is not a known field", "b_b is not a known field"]
        );
    }

    #[test]
    fn fields_are_named_as_clients_know_them() {
        assert_eq!(errors::<Words>(json!({"inTwoWords": 1})), ["inTwoWords is never right"]);
        assert_eq!(errors::<Words>(json!({})), ["inTwoWords is required", "inTwoWords is never right"]);
    }

    #[test]
    fn long_lists_are_refused() {
        let body = json!({"a": "A", "b": "B", "c": 1, "e": vec![7; 11], "g": 1});
        assert_eq!(errors::<Everything>(body), ["e must have at most 10 entries"]);
    }
}
