//! Tests of error responses.

use actix_web::{http::Method, test::TestRequest};

use super::{get, impatient, odd};
use crate::testing::{ask_with, by, state_for_tests};

async fn code_of(path: &str) -> (u16, String) {
    let answer = ask_with(&state_for_tests(), odd, get(path)).await;
    assert_eq!(answer.header("content-type"), "application/json", "{path}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    let body = answer.json();
    assert_eq!((&body["status"], &body["requestId"]), (&"error".into(), &answer.header("x-request-id").into()));
    assert!(!answer.body.windows(6).any(|part| part == b"secret"), "{path}");
    (answer.status.as_u16(), body["code"].as_str().unwrap().to_owned())
}

#[actix_web::test]
async fn every_error_has_the_envelope() {
    for (path, status, code) in [
        ("/", 404, "not_found"),
        ("/nowhere", 404, "not_found"),
        ("//", 404, "not_found"),
        ("//health/live", 404, "not_found"),
        ("/health/live/", 404, "not_found"),
        ("/api/v1", 404, "not_found"),
        ("/api/v1/", 404, "not_found"),
        ("/api/v1/nowhere", 404, "not_found"),
        ("/api/v1//things/1", 404, "not_found"),
        ("/%ff", 404, "not_found"),
        ("/docs/nothing.js", 404, "not_found"),
        ("/api/v1/odd/panic", 500, "internal"),
        ("/api/v1/odd/broken", 500, "internal"),
        ("/api/v1/odd/down", 503, "unavailable"),
        ("/api/v1/odd/foreign", 400, "validation_failed"),
        ("/api/v1/odd/bare", 404, "not_found"),
        ("/api/v1/orders", 405, "method_not_allowed"),
        ("/api/v1/odd/validation", 400, "validation_failed"),
    ] {
        assert_eq!(code_of(path).await, (status, code.to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn fault_reveals_only_when_to_retry() {
    let answer = ask_with(&state_for_tests(), odd, get("/api/v1/odd/down")).await;
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["message"], "the service cannot do this now; please try again");
}

#[actix_web::test]
async fn slow_handler_times_out() {
    let answer = ask_with(&impatient().state(), odd, get("/api/v1/odd/never")).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (503, Some("unavailable")));
    assert_eq!(answer.header("retry-after"), "1");
}

#[actix_web::test]
async fn error_is_a_problem_document_on_request() {
    let request = get("/api/v1/odd/validation").insert_header(("accept", "application/problem+json"));
    let answer = ask_with(&state_for_tests(), odd, request.insert_header(("x-request-id", "r1"))).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    insta::assert_snapshot!(std::str::from_utf8(&answer.body).unwrap(), @r#"{"type":"urn:entrepot:error:validation_failed","title":"Validation failed","status":400,"detail":"the request is not valid","code":"validation_failed","requestId":"r1","errors":[{"field":"name","message":"is required"}]}"#);

    let request = get("/api/v1/odd/validation").insert_header(("x-request-id", "r1"));
    let answer = ask_with(&state_for_tests(), odd, request).await;
    insta::assert_snapshot!(std::str::from_utf8(&answer.body).unwrap(), @r#"{"status":"error","code":"validation_failed","message":"the request is not valid","requestId":"r1","errors":[{"field":"name","message":"is required"}]}"#);

    let request = get("/api/v1/odd/panic").insert_header(("accept", "application/problem+json"));
    let answer = ask_with(&state_for_tests(), odd, request).await;
    assert_eq!(answer.json()["type"], "urn:entrepot:error:internal", "also if the handler panicked");
}

#[actix_web::test]
async fn unsupported_method_names_the_supported_ones() {
    let state = state_for_tests();
    for method in [Method::POST, Method::PUT, Method::TRACE] {
        let request = by("customer", TestRequest::with_uri("/api/v1/things/1").method(method.clone()));
        let answer = ask_with(&state, odd, request).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD, PATCH, DELETE, OPTIONS");
        assert_eq!(answer.json()["message"], "this path takes GET, HEAD, PATCH, DELETE, OPTIONS");
    }
}
