//! JSON, more strictly than `serde_json` reads it.

use std::{borrow::Cow, cell::Cell, collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::number::normalise;

/// Reads a value in which no object has a name twice. RFC 8259 4 leaves open which of the two counts: a proxy that
/// checks the first would let another request through than the one that is served.
///
/// Whole numbers are integers, however they are written.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let has_float = Cell::new(false);
    match read_with(json, &has_float) {
        Err(error) if !error.to_string().starts_with("number out of range") => Err(error),
        Ok(value) if !has_float.get() => Ok(value),
        _ => read_with(&normalise(json), &has_float),
    }
}

fn read_with<T: DeserializeOwned>(json: &[u8], has_float: &Cell<bool>) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(Strict { inner: &mut deserializer, has_float })?;
    deserializer.end()?;
    Ok(value)
}

/// Wraps a deserializer, a visitor, a seed or a list, so that every object inside is checked.
struct Strict<'f, T> {
    inner: T,
    /// Set when a number is met that is not written as an integer.
    has_float: &'f Cell<bool>,
}

impl<'f, T> Strict<'f, T> {
    fn around<U>(&self, inner: U) -> Strict<'f, U> {
        Strict { inner, has_float: self.has_float }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.around(visitor);
        self.inner.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.inner.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.inner.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.inner.visit_u64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.has_float.set(true);
        self.inner.visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        self.inner.visit_str(value)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.inner.visit_borrowed_str(value)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        let list = self.around(list);
        self.inner.visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<V::Value, A::Error> {
        let object = StrictObject { inner: self.around(object), names: Names::default() };
        self.inner.visit_map(object)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        self.inner.next_element_seed(seed)
    }
}

/// An object with the names that it has had so far.
struct StrictObject<'f, 'de, A> {
    inner: Strict<'f, A>,
    names: Names<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StrictObject<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(Name(name)) = self.inner.inner.next_key()? else { return Ok(None) };
        if !self.names.insert(name.clone()) {
            return Err(A::Error::custom(format_args!("the name {} comes twice", Value::from(name))));
        }
        Name(name).give_to(seed).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.inner.around(seed);
        self.inner.inner.next_value_seed(seed)
    }
}

/// A set of names: a list while they are few, as they are in every good request.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    more: BTreeSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// How many are searched one by one.
    const MAX_FEW: usize = 16;

    /// Adds a name; `false` if it was there.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < Self::MAX_FEW {
            self.few.push(name);
            return true;
        }
        self.more.insert(name)
    }
}

/// The name of a field, borrowed from the JSON where it has no escapes.
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

impl<'de> Name<'de> {
    /// Deserializes the name once more.
    pub(super) fn give_to<K: DeserializeSeed<'de>, E: Error>(&self, seed: K) -> Result<K::Value, E> {
        match &self.0 {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => seed.deserialize(name.as_str().into_deserializer()),
        }
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }

    fn visit_string<E>(self, name: String) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> serde_json::Result<Value> {
        super::read(text.as_bytes())
    }

    #[test]
    fn valid_json_is_read() {
        let text = r#"{"a": [1, -2, 0.5, 18446744073709551615, "x\ny", "plain", null, true], "b": {"a": {}}}"#;
        let value =
            json!({"a": [1, -2, 0.5, 18_446_744_073_709_551_615_u64, "x\ny", "plain", null, true], "b": {"a": {}}});
        assert_eq!(read(text).unwrap(), value);
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        for (text, name) in [
            (r#"{"a": 1, "a": 1}"#, "a"),
            (r#"{"x": [{"b": 1, "c": 2, "b": 3}]}"#, "b"),
            (r#"{"a": 1, "\u0061": 1}"#, "a"),
            (r#"{"x\n": 1, "x\n": 1}"#, r"x\n"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the name \"{name}\" comes twice at line 1")), "{error}");
        }
    }

    #[test]
    fn whole_numbers_are_integers_and_no_other_is() {
        assert_eq!(read(r#"{"a": [1.0, -2e1, -0], "b": "1.0"}"#).unwrap(), json!({"a": [1, -20, 0], "b": "1.0"}));
        assert!(read("1.00000000000000000001").unwrap().is_f64());
        assert_eq!(read("[1e400]").unwrap(), json!([u64::MAX]));
        assert!(read("[1e400,").is_err() && read(r#"{"a": 1.0, "a": 1}"#).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&deep(100)).is_ok());
        assert!(read(&deep(100_000)).unwrap_err().to_string().starts_with("recursion limit exceeded"));
    }

    proptest::proptest! {
        #[test]
        fn bytes_are_read_as_ever_or_refused(bytes in proptest::prop_oneof![
            proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            "[\\[\\]{}:,\" \\\\u0-9eE.+a-d-]{0,60}".prop_map(String::into_bytes),
        ]) {
            let strict = super::read::<Value>(&bytes);
            match (strict, serde_json::from_slice::<Value>(&normalise(&bytes))) {
                (Ok(strict), Ok(value)) => proptest::prop_assert_eq!(strict, value),
                (Err(error), Ok(_)) => proptest::prop_assert!(error.to_string().contains("comes twice")),
                (strict, Err(_)) => proptest::prop_assert!(strict.is_err()),
            }
        }
    }
}
