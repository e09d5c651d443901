//! What is refused before there is a request, or by actix-web itself: in the words of this crate.

use std::time::SystemTime;

use actix_http::ConnectionType;
use actix_web::{
    HttpResponse,
    http::{StatusCode, header::HttpDate},
};
use serde_json::json;

use crate::{
    HttpState,
    edge::{RequestId, X_REQUEST_ID},
    error::ApiError,
};

/// The head of a request did not come in time.
pub(super) fn slow_head(state: &HttpState) -> Vec<u8> {
    let message = "the head of the request did not come in time";
    refusal(state, StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
}

/// What came to the port of a server with TLS was HTTP without it.
pub(super) fn no_tls(state: &HttpState) -> Vec<u8> {
    refusal(state, StatusCode::BAD_REQUEST, "validation_failed", "this server speaks https, and this was plain http")
}

/// A body broke whose handler was at something else.
pub(super) fn broken_body(state: &HttpState) -> HttpResponse {
    let id = RequestId::from(state.ids.next());
    tracing::debug!(request_id = %id, "the framing of a body is malformed");
    let mut response = ApiError::MalformedJson("it did not arrive whole".to_owned()).render(id.as_str(), false);
    response.head_mut().set_connection_type(ConnectionType::Close);
    response.headers_mut().insert(X_REQUEST_ID.clone(), id.header());
    response
}

/// Where in what actix-web is about to write a bare refusal of its own begins: a status without a body, which no answer
/// of this crate is. It may be behind the answers to requests that came before, and is always the end.
pub(super) fn begins_in(written: &[u8]) -> Option<usize> {
    // Most of what is written ends with a body.
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let from = written.len().saturating_sub(LONGEST);
    let tail = written.get(from..)?;
    let at = tail.windows(PROTOCOL.len()).rposition(|part| part == PROTOCOL)?;
    status(tail.get(at..)?).map(|_| from + at)
}

/// A bare refusal is shorter than this.
const LONGEST: usize = 200;
/// How each begins; the last digit of the version is that of the request.
const PROTOCOL: &[u8] = b"HTTP/1.";

/// The status of a bare refusal; none of anything else.
fn status(bare: &[u8]) -> Option<&[u8]> {
    let empty = b"\r\ncontent-length: 0\r\n";
    let status = bare.get(PROTOCOL.len() + 1..PROTOCOL.len() + 5)?.strip_prefix(b" ")?;
    (matches!(status, b"400" | b"431") && bare.windows(empty.len()).any(|part| part == empty)).then_some(status)
}

/// What stands for a bare refusal.
pub(super) fn in_our_words(bare: &[u8], state: &HttpState) -> Vec<u8> {
    let (status, code, message) = match status(bare) {
        Some(b"431") => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "request_head_too_large",
            "the head of the request is too large",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "validation_failed",
            "the head of the request, or its body's framing, is malformed",
        ),
    };
    refusal(state, status, code, message)
}

#[allow(clippy::disallowed_methods, reason = "the date of an answer is the protocol's matter, not the domain's")]
fn refusal(state: &HttpState, status: StatusCode, code: &str, message: &str) -> Vec<u8> {
    let id = RequestId::from(state.ids.next());
    let body = json!({ "status": "error", "code": code, "message": message, "requestId": id.as_str() }).to_string();
    tracing::debug!(request_id = %id, status = status.as_u16(), "{message}");
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: {id}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\ndate: {}\r\n\r\n{body}",
        body.len(),
        HttpDate::from(SystemTime::now()),
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::state_for_tests;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\ndate: x\r\n\r\n";

    #[test]
    fn a_bare_refusal_is_found_alone_and_behind_other_answers() {
        for before in [
            "",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 204 No Content\r\n\r\n",
            &"long ".repeat(100),
        ] {
            assert_eq!(begins_in(format!("{before}{BARE}").as_bytes()), Some(before.len()), "{before}");
        }
        assert_eq!(begins_in(BARE.replace("/1.1", "/1.0").as_bytes()), Some(0));
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\nbad bad b",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n",
            "{\"half of\": \"a body\"}",
            "HTTP/1.1 4\r\n\r\n",
            "",
        ] {
            assert_eq!(begins_in(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_bare_refusal_is_put_into_our_words() {
        let state = state_for_tests();
        let told = |bare: &str| String::from_utf8(in_our_words(bare.as_bytes(), &state)).unwrap();
        let refusal = told(BARE);
        let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("connection: close") && body.contains("\"code\":\"validation_failed\""), "{refusal}");
        let large = BARE.replace("400 Bad Request", "431 Request Header Fields Too Large");
        assert!(told(&large).contains("\"code\":\"request_head_too_large\""));
    }
}
