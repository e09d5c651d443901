//! What is refused before there is a request: in the words of this crate.

use actix_web::http::StatusCode;
use serde_json::json;

use super::clock::date;
use crate::{HttpState, edge::RequestId};

/// The head of a request did not come in time.
pub(super) fn slow_head(state: &HttpState) -> Vec<u8> {
    let message = "the head of the request did not come in time";
    refusal(state, StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
}

/// What came to the port of a server with TLS was HTTP without it.
pub(super) fn no_tls(state: &HttpState) -> Vec<u8> {
    refusal(state, StatusCode::BAD_REQUEST, "validation_failed", "this server speaks https, and this was plain http")
}

/// What came is no request.
pub(super) fn malformed(state: &HttpState) -> Vec<u8> {
    refusal(state, StatusCode::BAD_REQUEST, "validation_failed", "the head of the request is malformed")
}

/// A head has too many lines, or too long ones.
pub(super) fn large_head(state: &HttpState) -> Vec<u8> {
    let message = "the head of the request is too large";
    refusal(state, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "request_head_too_large", message)
}

fn refusal(state: &HttpState, status: StatusCode, code: &str, message: &str) -> Vec<u8> {
    let id = RequestId::from(state.ids.next());
    let body = json!({ "status": "error", "code": code, "message": message, "requestId": id.as_str() }).to_string();
    tracing::debug!(request_id = %id, status = status.as_u16(), "{message}");
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: {id}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\ndate: {}\r\n\r\n{body}",
        body.len(),
        String::from_utf8_lossy(&date()),
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::state_for_tests;

    #[test]
    fn a_refusal_is_in_the_envelope_and_the_last() {
        let refusal = String::from_utf8(large_head(&state_for_tests())).unwrap();
        let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(
            head.contains("connection: close") && body.contains("\"code\":\"request_head_too_large\""),
            "{refusal}"
        );
        assert!(head.contains("\r\ndate: ") && head.ends_with(" GMT"), "{head}");
    }
}
