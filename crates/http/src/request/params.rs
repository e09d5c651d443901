//! Query strings.

use std::{borrow::Cow, collections::BTreeMap};

use entrepot_application::{Error, FieldError};
use garde::Validate;
use serde::{
    Deserialize, Deserializer,
    de::{
        Visitor,
        value::{Error as ValueError, MapDeserializer},
    },
    forward_to_deserialize_any,
};

use super::object::{Entries, mistakes};
use crate::error::ApiResult;

/// The parameters of a query string. Unknown ones are ignored: clients and proxies add their own.
pub(crate) struct Params<'q> {
    values: BTreeMap<Cow<'q, str>, Vec<Cow<'q, str>>>,
    errors: Vec<FieldError>,
    /// The parameters that were read, as they came. The cursor of a list is signed with them.
    read: String,
}

impl<'q> Params<'q> {
    pub(crate) fn new(query: &'q str) -> Self {
        let mut values: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            values.entry(name).or_default().push(value);
        }
        Self { values, errors: Vec::new(), read: String::new() }
    }

    /// Reads the parameters that a struct of [`Field`](super::Field)s declares, and notes what is wrong with them. An
    /// empty parameter counts as left out.
    pub(crate) fn read<T: Deserialize<'q> + Validate<Context = ()>>(&mut self) -> ApiResult<T> {
        let mut declared = Declared { params: self, twice: Vec::new(), names: &[] };
        let query = T::deserialize(&mut declared).map_err(|error| Error::field("query", error.to_string()))?;
        let Declared { twice, names, .. } = declared;
        let mut errors: Vec<_> = twice.into_iter().map(|name| FieldError::new(name, "must come once")).collect();
        errors.extend(mistakes(&query));
        errors.sort_by_key(|error| names.iter().position(|name| *name == error.field));
        self.errors.extend(errors);
        Ok(query)
    }

    /// A parameter as it is, even an empty one.
    pub(crate) fn raw(&mut self, name: &str) -> Option<Cow<'q, str>> {
        let mut values = self.values.remove(name)?;
        if values.len() > 1 {
            self.refuse(name, "must come once");
        }
        values.pop()
    }

    /// Notes that a parameter is wrong.
    pub(crate) fn refuse(&mut self, name: &str, why: impl Into<String>) {
        self.errors.push(FieldError::new(name, why));
    }

    /// What was read that filters and sorts: equal lists have equal ones.
    pub(crate) fn signature(&self) -> &str {
        &self.read
    }

    /// Refuses the request if a parameter was wrong; all of them are named.
    pub(crate) fn finish(self) -> ApiResult<()> {
        if self.errors.is_empty() { Ok(()) } else { Err(Error::Validation(self.errors).into()) }
    }
}

/// The parameters that a struct declares, in its order.
struct Declared<'p, 'q> {
    params: &'p mut Params<'q>,
    names: &'static [&'static str],
    /// Those that came more than once.
    twice: Vec<&'static str>,
}

impl<'de> Deserializer<'de> for &mut Declared<'_, 'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.names = names;
        let mut entries = Vec::new();
        for name in names {
            let Some(mut values) = self.params.values.remove(*name) else { continue };
            if values.len() > 1 {
                self.twice.push(name);
            }
            if let Some(value) = values.pop().filter(|value| !value.is_empty()) {
                self.params.read.extend([name, "=", &value, "\n"]);
                entries.push((*name, value));
            }
        }
        visitor.visit_map(Entries::new(MapDeserializer::new(entries.into_iter()), &mut Vec::new()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{Limit, PageNumber};

    use super::{super::Field, *};
    use crate::error::ApiError;

    #[derive(Deserialize, Validate)]
    struct Query {
        #[garde(dive)]
        a: Field<Option<PageNumber>>,
        #[garde(dive)]
        b: Field<Option<PageNumber>>,
        #[garde(dive)]
        c: Field<Option<Limit>>,
        #[garde(dive)]
        d: Field<Option<Limit>>,
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let mut params = Params::new("a=x&b=1&b=2&c=-1&d=&e=5");
        let query: Query = params.read().unwrap();
        assert!(query.a.get().is_none() && query.c.get().is_none());
        assert_eq!(query.b.get().copied().flatten().map(PageNumber::get), Some(2));
        assert_eq!(query.d.get(), Some(&None), "an empty one counts as left out");
        let Err(ApiError::UseCase(Error::Validation(errors))) = params.finish() else { panic!() };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["a", "b", "c"]);
    }
}
