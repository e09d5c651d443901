//! Refusals of input that is not HTTP, or that no application should see: a bare status and a sentence.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The head of a request did not arrive in time.
    HeadTimeout,
    /// A client sent plain HTTP to a server with TLS.
    PlainHttp,
    /// The head of a request is malformed or ambiguous.
    Malformed,
    /// `Host` or `:authority` is invalid, or they differ.
    BadHost,
    /// The target of a request is too long.
    TargetTooLong,
    /// A head has too many or too long lines.
    HeadTooLarge,
    /// An unsupported major version of HTTP.
    Version,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PlainHttp | Self::Malformed | Self::BadHost => StatusCode::BAD_REQUEST,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::HeadTimeout => "the head of the request did not arrive in time\n",
            Self::PlainHttp => "this server requires https, and this was plain http\n",
            Self::Malformed => "the head of the request is malformed\n",
            Self::BadHost => "the request does not name one host\n",
            Self::TargetTooLong => "the target of the request is too long\n",
            Self::HeadTooLarge => "the head of the request is too large\n",
            Self::Version => "this version of HTTP is not supported\n",
        }
    }

    /// The refusal as the last response of an HTTP/1 connection.
    pub(crate) fn http1(self, date: &HeaderValue) -> Vec<u8> {
        tracing::debug!(status = self.status().as_u16(), "refused: {}", self.message().trim_end());
        let mut response = String::new();
        let (status, message, length) = (self.status(), self.message(), self.message().len());
        write!(
            response,
            "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\ncache-control: no-store\r\n\
             x-content-type-options: nosniff\r\nconnection: close\r\ndate: {}\r\n\r\n{message}",
            date.to_str().unwrap_or_default(),
        )
        .ok();
        response.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_is_a_complete_final_response() {
        let refusal = String::from_utf8(Refusal::HeadTooLarge.http1(&HeaderValue::from_static("now"))).unwrap();
        let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("connection: close\r\n") && head.ends_with("date: now"), "{head}");
    }
}
