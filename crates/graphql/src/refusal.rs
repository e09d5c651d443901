//! Errors as clients see them: a message, and `extensions {code, status, fields}`.

use async_graphql::{ErrorExtensions, Value};
use entrepot_api::{INVALID_CURSOR, MISSING_TOKEN, message_of, status_of};
use entrepot_application::{Error, FieldError, Shortfall};
use entrepot_domain::Fault;
use serde_json::json;

/// Why a request, or a field of one, has no result.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status that REST would have.
    pub status: u16,
    /// The stable code, for programs.
    pub code: &'static str,
    pub message: String,
    /// Every bad field, as JSON.
    pub fields: Vec<serde_json::Value>,
    /// What the operation would have cost, if it is known.
    pub cost: Option<u64>,
    /// Whether the document itself is malformed or invalid, which GraphQL over HTTP does not always call an HTTP error.
    pub is_document_error: bool,
}

impl Refusal {
    /// An error with this status, code and message.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: Vec::new(), cost: None, is_document_error: false }
    }

    /// The request is malformed.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new(400, "validation_failed", message)
    }

    /// The document is beyond a limit.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(400, "validation_failed", message)
    }

    /// The document is malformed or invalid.
    pub fn document(message: impl Into<String>) -> Self {
        Self { is_document_error: true, ..Self::new(400, "validation_failed", message) }
    }

    pub(crate) fn with_cost(self, cost: u64) -> Self {
        Self { cost: Some(cost), ..self }
    }

    /// The field needs a token, and there is none.
    pub(crate) fn missing_token() -> Self {
        Self::new(401, "missing_token", MISSING_TOKEN)
    }

    /// The cursor is none of this list.
    pub(crate) fn invalid_cursor() -> Self {
        Self::new(400, "invalid_cursor", INVALID_CURSOR)
    }

    /// The list of errors of a response that has this one and no data.
    pub fn errors(&self) -> serde_json::Value {
        let mut extensions = json!({"code": self.code, "status": self.status});
        if !self.fields.is_empty()
            && let Some(extensions) = extensions.as_object_mut()
        {
            extensions.insert("fields".to_owned(), self.fields.clone().into());
        }
        json!([{"message": self.message, "extensions": extensions}])
    }

    /// The body of a response that has this error and no data.
    pub fn body(&self) -> serde_json::Value {
        let errors = self.errors();
        match self.cost {
            Some(cost) => json!({"errors": errors, "extensions": {"cost": cost}}),
            None => json!({"errors": errors}),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        if let Error::Fault(fault) = &error {
            log(fault);
        }
        let fields = match &error {
            Error::Validation(fields) => fields.iter().map(field).collect(),
            Error::InsufficientStock(short) => short.iter().map(shortfall).collect(),
            _ => Vec::new(),
        };
        Self { fields, ..Self::new(status_of(&error), error.code(), message_of(&error)) }
    }
}

/// Not by `From`, which async-graphql has for all that can be displayed, without extensions.
impl Refusal {
    pub(crate) fn into_error(self) -> async_graphql::Error {
        async_graphql::Error::new(self.message).extend_with(|_, extensions| {
            extensions.set("code", self.code);
            extensions.set("status", i32::from(self.status));
            if !self.fields.is_empty() {
                extensions.set("fields", Value::from_json(self.fields.into()).unwrap_or_default());
            }
        })
    }
}

/// The error of a use case as one of a field.
pub(crate) fn refused(error: impl Into<Error>) -> async_graphql::Error {
    Refusal::from(error.into()).into_error()
}

fn field(error: &FieldError) -> serde_json::Value {
    json!({"field": error.field, "message": error.message})
}

fn shortfall(short: &Shortfall) -> serde_json::Value {
    json!({
        "field": short.field,
        "message": format!("only {} left", short.left.get()),
        "productId": short.product.to_string(),
        "sku": short.sku.as_ref().map(ToString::to_string),
        "requested": short.wanted,
        "available": short.left.get(),
    })
}

fn log(fault: &Fault) {
    match fault {
        Fault::Unavailable { .. } => tracing::warn!(error = %fault, "a dependency is unavailable"),
        Fault::Unknown(cause) => tracing::error!(error = format!("{cause:#}"), "a field failed"),
    }
}
