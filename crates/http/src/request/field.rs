//! A field of a request: a value, or what is wrong with it.
//!
//! A derived `Deserialize` stops at the first field that it does not like, and clients are to be told of all of them. So
//! reading a [`Field`] never fails: it keeps why there is no value, and its [`Validate`] reports that. After a request
//! was validated every field has its value.

use std::{fmt, marker::PhantomData};

use entrepot_application::{Error, FieldError};
use entrepot_domain::Invalid;
use garde::{Path, Report, Validate};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A field of a request, or a parameter of a query. `Field<Option<T>>` may be left out.
#[derive(Debug)]
pub(crate) struct Field<T>(Parsed<T>);

/// A value, or all that is wrong with it.
pub(crate) type Parsed<T> = Result<T, Mistakes>;

/// What is wrong with a value. Each field is named as seen from the value; the name is empty for the value itself.
#[derive(Debug)]
pub(crate) struct Mistakes(pub(super) Vec<FieldError>);

impl Mistakes {
    /// One mistake in the value itself.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::at(String::new(), message)
    }

    /// One mistake at this place in the value.
    pub(crate) fn at(place: String, message: impl Into<String>) -> Self {
        Self(vec![FieldError::new(place, message)])
    }
}

impl From<Invalid> for Mistakes {
    fn from(why: Invalid) -> Self {
        Self::new(why)
    }
}

impl From<Mistakes> for Error {
    fn from(Mistakes(errors): Mistakes) -> Self {
        Self::Validation(errors)
    }
}

/// The name of a place in a value that has a name itself.
pub(super) fn join(name: &str, place: &str) -> String {
    let dot = if name.is_empty() || place.is_empty() || place.starts_with('[') { "" } else { "." };
    format!("{name}{dot}{place}")
}

/// A value that can be read from JSON of one type. Values of the other types are refused, and so is `null`.
pub(crate) trait FromJson: Sized {
    /// The type of JSON that it is read from, worded to follow "must be".
    const EXPECTED: &'static str;

    /// The value of a field that was left out.
    fn absent() -> Parsed<Self> {
        Err(Mistakes::new("is required"))
    }

    fn from_text(_: &str) -> Parsed<Self> {
        wrong_type("a text")
    }

    fn from_number(_: Number) -> Parsed<Self> {
        wrong_type("a number")
    }

    fn from_bool(_: bool) -> Parsed<Self> {
        wrong_type("a boolean")
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Parsed<Self>, A::Error> {
        skip_list(&mut list)?;
        Ok(wrong_type("a list"))
    }

    fn from_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Parsed<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(wrong_type("an object"))
    }
}

/// A number of JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Integer(i64),
    /// An integer beyond an `i64`.
    OutOfRange,
    Fraction,
}

impl Number {
    /// The integer, or why it is none.
    pub(crate) fn integer(self) -> Result<i64, Invalid> {
        match self {
            Self::Integer(number) => Ok(number),
            Self::OutOfRange => Err(Invalid::new("is out of range")),
            Self::Fraction => Err(Invalid::new("must be a whole number")),
        }
    }
}

fn wrong_type<T: FromJson>(found: &str) -> Parsed<T> {
    Err(Mistakes::new(format!("must be {}, not {found}", T::EXPECTED)))
}

fn skip_list<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<T: FromJson> FromJson for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn absent() -> Parsed<Self> {
        Ok(None)
    }

    fn from_text(text: &str) -> Parsed<Self> {
        T::from_text(text).map(Some)
    }

    fn from_number(number: Number) -> Parsed<Self> {
        T::from_number(number).map(Some)
    }

    fn from_bool(value: bool) -> Parsed<Self> {
        T::from_bool(value).map(Some)
    }

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
        Ok(T::from_list(list)?.map(Some))
    }

    fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Parsed<Self>, A::Error> {
        Ok(T::from_object(object)?.map(Some))
    }
}

/// Reads the items of a list. The rest of one that is too long is not looked at.
pub(crate) fn items<'de, T: FromJson, A: SeqAccess<'de>>(mut list: A, max: usize) -> Result<Parsed<Vec<T>>, A::Error> {
    let mut items = Vec::with_capacity(list.size_hint().unwrap_or_default().min(max));
    let mut errors = Vec::new();
    let mut place = 0;
    while let Some(Whole(item)) = list.next_element()? {
        if place == max {
            skip_list(&mut list)?;
            return Ok(Err(Mistakes::new(format!("must have at most {max} entries"))));
        }
        match item {
            Ok(item) => items.push(item),
            Err(Mistakes(found)) => errors.extend(
                found.into_iter().map(|error| FieldError { field: join(&format!("[{place}]"), &error.field), ..error }),
            ),
        }
        place += 1;
    }
    Ok(if errors.is_empty() { Ok(items) } else { Err(Mistakes(errors)) })
}

impl<T> Field<T> {
    /// The value. After the request was validated it is there.
    pub(crate) fn value(self) -> Parsed<T> {
        self.0
    }

    /// The value, if it is a good one.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().ok()
    }
}

impl<T> Validate for Field<T> {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        let Err(Mistakes(errors)) = &self.0 else { return };
        let name = parent().to_string();
        for error in errors {
            report.append(Path::new(join(&name, &error.field)), garde::Error::new(&error.message));
        }
    }
}

impl<'de, T: FromJson> Deserialize<'de> for Field<T> {
    /// Asks for an option, so that a field that was left out can be told from `null` (see [`Request`](super::Request)).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(ParsedVisitor(PhantomData)).map(Self)
    }
}

/// A value that is no field: it is there.
pub(super) struct Whole<T>(pub(super) Parsed<T>);

impl<'de, T: FromJson> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParsedVisitor(PhantomData)).map(Self)
    }
}

struct ParsedVisitor<T>(PhantomData<T>);

impl<'de, T: FromJson> Visitor<'de> for ParsedVisitor<T> {
    type Value = Parsed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_none<E>(self) -> Result<Parsed<T>, E> {
        Ok(T::absent())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parsed<T>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Parsed<T>, E> {
        Ok(wrong_type("null"))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Parsed<T>, E> {
        Ok(T::from_bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Parsed<T>, E> {
        Ok(T::from_number(Number::Integer(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Parsed<T>, E> {
        Ok(T::from_number(i64::try_from(number).map_or(Number::OutOfRange, Number::Integer)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Parsed<T>, E> {
        Ok(T::from_number(Number::Fraction))
    }

    fn visit_str<E>(self, text: &str) -> Result<Parsed<T>, E> {
        Ok(T::from_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Parsed<T>, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Parsed<T>, A::Error> {
        T::from_object(object)
    }
}
