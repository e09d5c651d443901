//! The table of errors: status, code and message. That of use cases is in `entrepot-api`, because GraphQL has it too. The
//! matches are exhaustive, without `_`, so that a new case does not compile until it has a line here.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use entrepot_api::{INTERNAL, INVALID_CURSOR, MISSING_TOKEN, UNAVAILABLE, message_of, status_of};

use super::ApiError;

impl ApiError {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UseCase(error) => StatusCode::from_u16(status_of(error)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::MalformedJson(_) | Self::InvalidCursor => StatusCode::BAD_REQUEST,
            Self::MissingToken => StatusCode::UNAUTHORIZED,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::UnknownMethod => StatusCode::NOT_IMPLEMENTED,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) | Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UseCase(error) => error.code(),
            Self::MalformedJson(_) => "malformed_json",
            Self::InvalidCursor => "invalid_cursor",
            Self::MissingToken => "missing_token",
            Self::UnknownPath => "not_found",
            Self::UnknownMethod => "not_implemented",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::PayloadTooLarge(_) => "payload_too_large",
            Self::UnsupportedMediaType(_) | Self::UnsupportedEncoding => "unsupported_media_type",
            Self::Timeout => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// The error in words. A fault is not described: that is for the log.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::UseCase(error) => message_of(error),
            Self::Timeout => UNAVAILABLE.into(),
            Self::Internal => INTERNAL.into(),
            Self::MissingToken => MISSING_TOKEN.into(),
            Self::MalformedJson(reason) => format!("the body is not JSON: {reason}").into(),
            Self::InvalidCursor => INVALID_CURSOR.into(),
            Self::UnknownPath => "nothing is served at this path".into(),
            Self::UnknownMethod => "this method is not known here".into(),
            Self::MethodNotAllowed(allowed) => format!("this path takes {allowed}").into(),
            Self::PayloadTooLarge(limit) => format!("the body may have {limit} bytes at most").into(),
            Self::UnsupportedMediaType(known) => format!("the body must be {known}").into(),
            Self::UnsupportedEncoding => "the body must be plain, or encoded with gzip".into(),
        }
    }
}
