//! The response of an error.

use std::time::Duration;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use entrepot_application::Error;
use entrepot_domain::Fault;

use super::ApiError;

/// The `Retry-After` where nothing better is known.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

impl ApiError {
    /// The response, with the envelope or a problem document.
    pub(crate) fn render(&self, request_id: &str, as_problem: bool) -> HttpResponse {
        let (kind, body) = if as_problem {
            ("application/problem+json", serde_json::to_vec(&self.problem(request_id)))
        } else {
            ("application/json", serde_json::to_vec(&self.envelope(request_id)))
        };
        let mut response = HttpResponse::build(self.status());
        response.insert_header((CONTENT_TYPE, kind)).insert_header((CACHE_CONTROL, "no-store"));
        self.add_headers(&mut response);
        response.body(body.unwrap_or_default())
    }

    fn add_headers(&self, response: &mut HttpResponseBuilder) {
        if let Some(challenge) = self.challenge() {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Self::MethodNotAllowed(allowed) = self {
            response.insert_header((ALLOW, allowed.as_str()));
        }
        if let Self::UnsupportedEncoding = self {
            // RFC 9110 15.5.16: it names the supported codings.
            response.insert_header((ACCEPT_ENCODING, "gzip"));
        }
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.insert_header((RETRY_AFTER, seconds.max(1)));
        }
    }

    /// RFC 6750 3: no error without a token, and the missing scope for a token that lacks one.
    fn challenge(&self) -> Option<String> {
        match self {
            Self::UseCase(Error::InsufficientScope(scope)) => {
                Some(format!(r#"Bearer realm="entrepot", error="insufficient_scope", scope="{scope}""#))
            }
            Self::MissingToken => Some(r#"Bearer realm="entrepot""#.to_owned()),
            other if other.status() == StatusCode::UNAUTHORIZED => Some(format!(
                r#"Bearer realm="entrepot", error="invalid_token", error_description="{}""#,
                other.message()
            )),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::UseCase(Error::RateLimited { retry_after, .. }) => Some(*retry_after),
            Self::UseCase(Error::Fault(Fault::Unavailable { .. })) | Self::Timeout => Some(DEFAULT_RETRY_AFTER),
            _ => None,
        }
    }

    /// The error for a status that does not come from a handler of this crate. Its body is not passed on: it may reveal
    /// internals.
    pub(crate) fn foreign(status: StatusCode, allow: Option<&str>, body_limit: usize) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::UnknownPath,
            StatusCode::NOT_IMPLEMENTED => Self::UnknownMethod,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed(allow.unwrap_or_default().to_owned()),
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge(body_limit),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType("application/json"),
            StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Self::Timeout
            }
            StatusCode::UNAUTHORIZED => Self::MissingToken,
            StatusCode::FORBIDDEN => Self::UseCase(Error::Forbidden),
            StatusCode::PRECONDITION_FAILED => Self::UseCase(Error::PreconditionFailed),
            status if status.is_client_error() => Self::UseCase(Error::Validation(Vec::new())),
            _ => Self::Internal,
        }
    }
}
