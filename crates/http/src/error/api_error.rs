//! Why a request failed.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use entrepot_application::Error;

/// Why a request failed. The middleware renders it: it knows which format the client accepts, and the identifier of the
/// request.
#[derive(Debug)]
pub enum ApiError {
    /// A use case failed.
    UseCase(Error),
    /// The route needs a token.
    MissingToken,
    /// The body is not JSON at all; the reason names line and column.
    MalformedJson(String),
    /// The cursor was not made by this list, with these filters and this sort.
    InvalidCursor,
    /// Nothing is served at this path.
    UnknownPath,
    /// HTTP has no method of this name.
    UnknownMethod,
    /// The path has no such method; it has these.
    MethodNotAllowed(String),
    /// The body has more bytes than this.
    PayloadTooLarge(usize),
    /// The route does not read this media type; it reads these.
    UnsupportedMediaType(&'static str),
    /// The body has a content coding that is not supported.
    UnsupportedEncoding,
    /// The request took too long.
    Timeout,
    /// A handler panicked, or something else that should not happen; it is logged there.
    Internal,
}

/// What handlers return.
pub type ApiResult<T = HttpResponse> = Result<T, ApiError>;

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::UseCase(error.into())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// A bare status: the middleware adds the body.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status())
    }
}
