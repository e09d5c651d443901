//! The one table of the errors of use cases: status and message. The matches are exhaustive, without `_`, so that a new
//! case does not compile until it has a line here.

use std::borrow::Cow;

use entrepot_application::Error;
use entrepot_domain::Fault;

/// The HTTP status of an error.
pub const fn status_of(error: &Error) -> u16 {
    match error {
        Error::Validation(_) => 400,
        Error::InvalidToken
        | Error::TokenExpired
        | Error::InvalidCredentials
        | Error::SecondFactorRequired
        | Error::RefreshTokenReused => 401,
        Error::Forbidden | Error::InsufficientScope(_) | Error::LoginRequired => 403,
        Error::NotFound => 404,
        Error::EmailTaken
        | Error::SkuTaken
        | Error::InsufficientStock(_)
        | Error::InvalidTransition { .. }
        | Error::JobOver(_)
        | Error::JobQueued
        | Error::LastAdmin
        | Error::SecondFactorEnabled
        | Error::TooManyApiKeys
        | Error::IdempotencyInProgress => 409,
        Error::PreconditionFailed => 412,
        Error::IdempotencyKeyReused => 422,
        Error::RateLimited { .. } => 429,
        Error::Fault(Fault::Unavailable { .. }) => 503,
        Error::Fault(Fault::Unknown(_)) => 500,
    }
}

/// An error in words. A fault is not described: that is for the log.
pub fn message_of(error: &Error) -> Cow<'static, str> {
    match error {
        Error::Fault(Fault::Unavailable { .. }) => UNAVAILABLE.into(),
        Error::Fault(Fault::Unknown(_)) => INTERNAL.into(),
        error => error.to_string().into(),
    }
}

/// What a client is told when something that is needed does not answer.
pub const UNAVAILABLE: &str = "the service cannot do this now; please try again";

/// What a client is told after a fault.
pub const INTERNAL: &str = "something went wrong on our side";

/// What a client without a token is told where one is needed.
pub const MISSING_TOKEN: &str = "this needs a token: Authorization: Bearer …";

/// What a client is told that sends a cursor of another list.
pub const INVALID_CURSOR: &str = "the cursor does not belong to this list; start again with an empty one";
