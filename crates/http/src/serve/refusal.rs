//! What is refused before there is a request, or by actix-web itself: in the words of this crate.

use std::time::SystemTime;

use actix_web::http::{StatusCode, header::HttpDate};
use serde_json::json;

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

/// What stands for what actix-web is about to write, if that is a bare refusal of its own: a status without a body,
/// which no answer of this crate is.
pub(super) fn in_our_words(written: &[u8], state: &HttpState) -> Option<Vec<u8>> {
    let head = written.strip_prefix(b"HTTP/1.1 4")?;
    let bare = b"\r\ncontent-length: 0\r\n";
    if head.len() > 200 || !head.windows(bare.len()).any(|part| part == bare) {
        return None;
    }
    let (status, code, message) = match head.get(..2)? {
        b"00" => (
            StatusCode::BAD_REQUEST,
            "validation_failed",
            "the head of the request, or its body's framing, is malformed",
        ),
        b"31" => (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "request_head_too_large",
            "the head of the request is too large",
        ),
        _ => return None,
    };
    Some(refusal(state, status, code, message))
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

    #[test]
    fn only_bare_refusals_are_put_into_our_words() {
        let state = state_for_tests();
        let told =
            |written: &str| in_our_words(written.as_bytes(), &state).map(|told| String::from_utf8(told).unwrap());
        let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\ndate: x\r\n\r\n";
        let refusal = told(bare).unwrap();
        let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("connection: close") && body.contains("\"code\":\"validation_failed\""), "{refusal}");
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\nbad bad b",
            "{\"half of\": \"a body\"}",
            "",
        ] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
