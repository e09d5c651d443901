//! Reads inputs by the domain's own rules, and collects every bad field.

use entrepot_application::{Error, FieldError};
use entrepot_domain::Invalid;

/// What is wrong with the fields of an input.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    /// The value of a field, or `None` if it is bad.
    pub(crate) fn read<T>(&mut self, name: impl Into<String>, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|why| self.refuse(name, why)).ok()
    }

    /// The value of a field that may be left out. `None` if it is bad.
    pub(crate) fn optional<S, T>(
        &mut self,
        name: &str,
        sent: Option<S>,
        parse: impl FnOnce(S) -> Result<T, Invalid>,
    ) -> Option<T> {
        sent.and_then(|sent| self.read(name, parse(sent)))
    }

    /// Notes that a field is bad.
    pub(crate) fn refuse(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.0.push(FieldError::new(name, why));
    }

    /// Refuses the input if a field is bad.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(self.error()) }
    }

    /// The error that names every bad field.
    pub(crate) fn error(&self) -> Error {
        Error::Validation(self.0.clone())
    }
}

/// What is no identifier names nothing, and is not found.
pub(crate) fn id<T: std::str::FromStr>(id: &async_graphql::ID) -> async_graphql::Result<T> {
    id.parse().map_err(|_| crate::refusal::refused(Error::NotFound))
}
