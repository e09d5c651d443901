//! The response of an error.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
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
        let mut response = response.body(body.unwrap_or_default());
        self.add_headers_to(&mut response);
        response
    }

    /// Adds the headers that belong to the error, whatever its body is.
    pub(crate) fn add_headers_to(&self, response: &mut HttpResponse) {
        let mut add = |name, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        };
        if let Some(challenge) = self.challenge() {
            add(WWW_AUTHENTICATE, challenge);
        }
        if let Self::MethodNotAllowed(allowed) = self {
            add(ALLOW, allowed.clone());
        }
        if let Self::UnsupportedEncoding = self {
            // RFC 9110 15.5.16: it names the supported codings.
            add(ACCEPT_ENCODING, "gzip".to_owned());
        }
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            add(RETRY_AFTER, seconds.max(1).to_string());
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
