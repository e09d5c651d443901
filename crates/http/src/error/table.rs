//! The one table of errors: status, code and message. The matches are exhaustive, without `_`, so that a new case does
//! not compile until it has a line here.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use entrepot_application::Error;
use entrepot_domain::Fault;

use super::ApiError;

impl ApiError {
    /// The status of the response.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::UseCase(error) => status_of(error),
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
            Self::UseCase(Error::Fault(Fault::Unavailable { .. })) | Self::Timeout => {
                "the service cannot do this now; please try again".into()
            }
            Self::UseCase(Error::Fault(Fault::Unknown(_))) | Self::Internal => {
                "something went wrong on our side".into()
            }
            Self::UseCase(error) => error.to_string().into(),
            Self::MissingToken => "this needs a token: Authorization: Bearer …".into(),
            Self::MalformedJson(reason) => format!("the body is not JSON: {reason}").into(),
            Self::InvalidCursor => "the cursor does not belong to this list; start again with an empty one".into(),
            Self::UnknownPath => "nothing is served at this path".into(),
            Self::UnknownMethod => "this method is not known here".into(),
            Self::MethodNotAllowed(allowed) => format!("this path takes {allowed}").into(),
            Self::PayloadTooLarge(limit) => format!("the body may have {limit} bytes at most").into(),
            Self::UnsupportedMediaType(known) => format!("the body must be {known}").into(),
            Self::UnsupportedEncoding => "the body must be plain, or encoded with gzip".into(),
        }
    }
}

const fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Validation(_) => StatusCode::BAD_REQUEST,
        Error::InvalidToken
        | Error::TokenExpired
        | Error::InvalidCredentials
        | Error::SecondFactorRequired
        | Error::RefreshTokenReused => StatusCode::UNAUTHORIZED,
        Error::Forbidden | Error::InsufficientScope(_) | Error::LoginRequired => StatusCode::FORBIDDEN,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::EmailTaken
        | Error::SkuTaken
        | Error::InsufficientStock(_)
        | Error::InvalidTransition { .. }
        | Error::JobOver(_)
        | Error::JobQueued
        | Error::LastAdmin
        | Error::SecondFactorEnabled
        | Error::TooManyApiKeys
        | Error::IdempotencyInProgress => StatusCode::CONFLICT,
        Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Error::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Fault(Fault::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Fault(Fault::Unknown(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
