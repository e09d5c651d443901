//! The fields of a JSON object, taken one by one.
#![expect(
    clippy::option_option,
    reason = "the outer one says whether it was right, the inner one whether it was there"
)]

use entrepot_application::FieldError;
use entrepot_domain::Invalid;
use serde_json::{Map, Value};

/// An object that is being read. Each reader returns `None` after it has noted why; what nobody has read in the end is
/// an unknown field.
pub(crate) struct Fields<'e> {
    prefix: String,
    values: Map<String, Value>,
    errors: &'e mut Vec<FieldError>,
}

impl<'e> Fields<'e> {
    pub(crate) fn new(values: Map<String, Value>, errors: &'e mut Vec<FieldError>) -> Self {
        Self { prefix: String::new(), values, errors }
    }

    /// A text that must be there.
    pub(crate) fn text<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let value = self.required(name)?;
        self.read_text(name, &value, parse)
    }

    /// A text that may be left out; the inner `None` says that it was.
    pub(crate) fn optional_text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match self.values.remove(name) {
            None => Some(None),
            Some(value) => self.read_text(name, &value, parse).map(Some),
        }
    }

    /// A whole number that must be there.
    pub(crate) fn integer<T>(&mut self, name: &str, parse: impl FnOnce(i64) -> Result<T, Invalid>) -> Option<T> {
        let value = self.required(name)?;
        self.read_integer(name, &value, parse)
    }

    /// A whole number that may be left out.
    pub(crate) fn optional_integer<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(i64) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match self.values.remove(name) {
            None => Some(None),
            Some(value) => self.read_integer(name, &value, parse).map(Some),
        }
    }

    /// An object that must be there.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        let value = self.required(name)?;
        self.read_object(&self.path(name), value, read)
    }

    /// An object that may be left out.
    pub(crate) fn optional_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.values.remove(name) {
            None => Some(None),
            Some(value) => self.read_object(&self.path(name), value, read).map(Some),
        }
    }

    /// A list of objects, at most `most` of them; a longer one is not even looked at.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let values = self.array(name, most)?;
        let asked = values.len();
        let path = self.path(name);
        let read: Vec<T> = (0..)
            .zip(values)
            .filter_map(|(place, value): (usize, Value)| {
                self.read_object(&format!("{path}[{place}]"), value, &mut read)
            })
            .collect();
        (read.len() == asked).then_some(read)
    }

    /// A list of texts, at most `most` of them.
    pub(crate) fn texts<T>(
        &mut self,
        name: &str,
        most: usize,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<Vec<T>> {
        let values = self.array(name, most)?;
        let asked = values.len();
        let read: Vec<T> = (0..)
            .zip(values)
            .filter_map(|(place, value): (usize, Value)| self.read_text(&format!("{name}[{place}]"), &value, &parse))
            .collect();
        (read.len() == asked).then_some(read)
    }

    /// Notes that a field is wrong.
    pub(crate) fn refuse(&mut self, name: &str, why: impl Into<String>) {
        let field = self.path(name);
        self.errors.push(FieldError::new(field, why));
    }

    /// Notes what was not read.
    pub(crate) fn finish(self) {
        for name in self.values.keys() {
            self.errors.push(FieldError::new(format!("{}{name}", self.prefix), "is not a known field"));
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn required(&mut self, name: &str) -> Option<Value> {
        let value = self.values.remove(name);
        if value.is_none() {
            self.refuse(name, "is required");
        }
        value
    }

    fn array(&mut self, name: &str, most: usize) -> Option<Vec<Value>> {
        match self.required(name)? {
            Value::Array(values) if values.len() <= most => Some(values),
            Value::Array(_) => {
                self.refuse(name, format!("must have at most {most} entries"));
                None
            }
            other => {
                self.refuse(name, format!("must be a list, not {}", kind(&other)));
                None
            }
        }
    }

    fn read_text<T>(&mut self, name: &str, value: &Value, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let Value::String(text) = value else {
            self.refuse(name, format!("must be a text, not {}", kind(value)));
            return None;
        };
        self.keep(name, parse(text))
    }

    fn read_integer<T>(
        &mut self,
        name: &str,
        value: &Value,
        parse: impl FnOnce(i64) -> Result<T, Invalid>,
    ) -> Option<T> {
        match value {
            Value::Number(number) => match number.as_i64() {
                Some(integer) => self.keep(name, parse(integer)),
                None if number.is_f64() => {
                    self.refuse(name, "must be a whole number");
                    None
                }
                None => {
                    self.refuse(name, "is out of range");
                    None
                }
            },
            other => {
                self.refuse(name, format!("must be a whole number, not {}", kind(other)));
                None
            }
        }
    }

    fn read_object<T>(
        &mut self,
        path: &str,
        value: Value,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(values) = value else {
            self.errors.push(FieldError::new(path, format!("must be an object, not {}", kind(&value))));
            return None;
        };
        let mut fields = Fields { prefix: format!("{path}."), values, errors: &mut *self.errors };
        let read = read(&mut fields);
        fields.finish();
        read
    }

    fn keep<T>(&mut self, name: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|why| self.refuse(name, why)).ok()
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::product::{Quantity, Sku};
    use serde_json::json;

    use super::*;

    fn errors(body: Value, read: impl FnOnce(&mut Fields<'_>)) -> Vec<String> {
        let Value::Object(values) = body else { panic!("{body}") };
        let mut errors = Vec::new();
        let mut fields = Fields::new(values, &mut errors);
        read(&mut fields);
        fields.finish();
        errors.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect()
    }

    #[test]
    fn every_bad_field_is_noted() {
        let body = json!({"b": 5, "c": 1.5, "d": "x", "e": [{"n": 0}, 7, {"n": 1, "m": 2}], "f": null, "g": 1e30});
        let errors = errors(body, |fields| {
            fields.text("a", Sku::parse);
            fields.text("b", Sku::parse);
            fields.integer("c", Ok);
            fields.optional_integer("d", Ok);
            fields.objects("e", 10, |item| item.integer("n", Quantity::new));
            fields.optional_text("f", Sku::parse);
            fields.integer("g", Ok);
        });
        assert_eq!(
            errors,
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
    fn numbers_beyond_range_say_so() {
        let body: Value = serde_json::from_str(r#"{"n": 18446744073709551615}"#).unwrap();
        let errors = errors(body, |fields| {
            fields.integer("n", Ok);
        });
        assert_eq!(errors, ["n is out of range"]);
    }

    #[test]
    fn what_nobody_reads_is_unknown() {
        assert_eq!(errors(json!({"roles": ["admin"]}), |_| {}), ["roles is not a known field"]);
    }
}
