//! The two formats of an error: the envelope, and the problem document of RFC 9457.

use entrepot_application::{Error, FieldError, Shortfall};
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiError;

/// An error in one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FieldError)]
pub(crate) struct FieldBody {
    /// The path of the field.
    #[schema(example = "items[0].quantity")]
    field: String,
    /// The error, worded to follow the name of the field.
    #[schema(example = "must be between 1 and 2147483647")]
    message: String,
    /// With `insufficient_stock`: the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid", nullable = false)]
    product_id: Option<String>,
    /// With `insufficient_stock`: the product's SKU, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sku: Option<String>,
    /// With `insufficient_stock`: how many were ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested: Option<u64>,
    /// With `insufficient_stock`: how many are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    available: Option<i64>,
}

impl From<&FieldError> for FieldBody {
    fn from(error: &FieldError) -> Self {
        Self {
            field: error.field.clone(),
            message: error.message.clone(),
            product_id: None,
            sku: None,
            requested: None,
            available: None,
        }
    }
}

impl From<&Shortfall> for FieldBody {
    fn from(short: &Shortfall) -> Self {
        Self {
            field: short.field.clone(),
            message: format!("only {} left", short.left.get()),
            product_id: Some(short.product.to_string()),
            sku: short.sku.as_ref().map(ToString::to_string),
            requested: Some(short.wanted),
            available: Some(short.left.get()),
        }
    }
}

/// Every error of this API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorEnvelope {
    /// Always `error`.
    #[schema(example = "error")]
    status: &'static str,
    /// The stable code of the error, for programs.
    #[schema(example = "validation_failed")]
    code: &'static str,
    /// The error in words.
    #[schema(example = "the request is not valid")]
    message: String,
    /// Identifies the request in the server's logs.
    #[schema(example = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55")]
    request_id: String,
    /// Every bad field, and every product that is short.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldBody>,
}

/// An error in the format of RFC 9457, for `Accept: application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// The kind of problem: `urn:entrepot:error:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:entrepot:error:validation_failed")]
    kind: String,
    /// The code in words.
    #[schema(example = "Validation failed")]
    title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// The error in words.
    #[schema(example = "the request is not valid")]
    detail: String,
    /// The stable code of the error, for programs.
    #[schema(example = "validation_failed")]
    code: &'static str,
    /// Identifies the request in the server's logs.
    #[schema(example = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55")]
    request_id: String,
    /// Every bad field, and every product that is short.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldBody>,
}

impl ApiError {
    /// The error as the envelope.
    pub(crate) fn envelope(&self, request_id: &str) -> ErrorEnvelope {
        ErrorEnvelope {
            status: "error",
            code: self.code(),
            message: self.message().into_owned(),
            request_id: request_id.to_owned(),
            errors: self.fields(),
        }
    }

    /// The error as a problem document.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        let code = self.code();
        Problem {
            kind: format!("urn:entrepot:error:{code}"),
            title: title_of(code),
            status: self.status().as_u16(),
            detail: self.message().into_owned(),
            code,
            request_id: request_id.to_owned(),
            errors: self.fields(),
        }
    }

    fn fields(&self) -> Vec<FieldBody> {
        match self {
            Self::UseCase(Error::Validation(fields)) => fields.iter().map(FieldBody::from).collect(),
            Self::UseCase(Error::InsufficientStock(short)) => short.iter().map(FieldBody::from).collect(),
            _ => Vec::new(),
        }
    }
}

/// `email_taken` as `Email taken`.
fn title_of(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}
