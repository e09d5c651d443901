//! JSON, more strictly than `serde_json` reads it.

use std::{cell::Cell, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::number::plainly;

/// Reads a value in which no object has a name twice. Which of the two counts is left open by RFC 8259 4: what a proxy
/// that looks at the first let through would be another request than the one that is done.
///
/// Whole numbers are integers, however they are written.
pub(super) fn read(json: &[u8]) -> serde_json::Result<Value> {
    let floats = Cell::new(false);
    match read_with(json, &floats) {
        Err(error) if !error.to_string().starts_with("number out of range") => Err(error),
        Ok(value) if !floats.get() => Ok(value),
        _ => read_with(&plainly(json), &floats),
    }
}

fn read_with(json: &[u8], floats: &Cell<bool>) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Reader { floats }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Reader<'f> {
    /// Set when a number is met that is not written as an integer.
    floats: &'f Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        self.floats.set(true);
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if values.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the name {} comes twice", Value::String(name))));
            }
            values.insert(name, map.next_value_seed(self)?);
        }
        Ok(Value::Object(values))
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
    fn what_is_good_is_read_as_ever() {
        let text = r#"{"a": [1, -2, 0.5, 18446744073709551615, "x\ny", "plain", null, true], "b": {"a": {}}}"#;
        let value =
            json!({"a": [1, -2, 0.5, 18_446_744_073_709_551_615_u64, "x\ny", "plain", null, true], "b": {"a": {}}});
        assert_eq!(read(text).unwrap(), value);
    }

    #[test]
    fn a_name_comes_once_at_every_depth() {
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
            let strict = super::read(&bytes);
            match (strict, serde_json::from_slice::<Value>(&plainly(&bytes))) {
                (Ok(strict), Ok(value)) => proptest::prop_assert_eq!(strict, value),
                (Err(error), Ok(_)) => proptest::prop_assert!(error.to_string().contains("comes twice")),
                (strict, Err(_)) => proptest::prop_assert!(strict.is_err()),
            }
        }
    }
}
