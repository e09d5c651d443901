//! Cross-origin requests (the CORS protocol of the Fetch standard).

use actix_web::{
    HttpResponse,
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
        },
    },
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Authorization, baggage, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, \
     Last-Event-ID, traceparent, tracestate, x-request-id, x-requested-with",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Link, RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, \
     Retry-After, x-request-id, Idempotent-Replayed",
);
const TRUE: HeaderValue = HeaderValue::from_static("true");
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const VARY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers");
/// An hour, in seconds; browsers cap it as they like.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// The origin of a request, if it is one of those that are allowed. A request without an origin does not come from a page
/// of another site, or not from a browser at all.
pub(super) fn allowed_origin(headers: &HeaderMap, allowed: &[String]) -> Option<HeaderValue> {
    let mut sent = headers.get_all(ORIGIN);
    let (Some(origin), None) = (sent.next(), sent.next()) else { return None };
    allowed.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Whether a request is a CORS preflight.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The response to a preflight.
pub(super) fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .insert_header((VARY, VARY_PREFLIGHT))
        .finish()
}

/// Allows a page of this origin to read the response.
pub(super) fn apply(headers: &mut HeaderMap, origin: Option<HeaderValue>, allowed: &[String]) {
    if allowed.is_empty() {
        return;
    }
    // Also without an origin: a cache must not give this response to a page that has one.
    headers.append(VARY, VARY_ORIGIN);
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_static(origin));
        }
        let known = ["https://shop.example".to_owned(), "http://localhost:5173".to_owned()];
        allowed_origin(&headers, &known).is_some()
    }

    #[test]
    fn origins_are_compared_exactly() {
        assert!(allowed(&["https://shop.example"]) && allowed(&["http://localhost:5173"]));
        for other in [
            "http://shop.example",
            "https://shop.example:443",
            "https://shop.example.evil",
            "https://evil.shop.example",
            "https://SHOP.example",
            "https://shop.example/",
            "http://localhost",
            "null",
            "*",
            "",
        ] {
            assert!(!allowed(&[other]), "{other}");
        }
        assert!(!allowed(&[]) && !allowed(&["https://shop.example", "https://shop.example"]));
    }
}
