//! Tests of methods, some on a real connection.

use actix_web::test::TestRequest;

use super::odd;
use crate::testing::{ask_with, say, state_for_tests};

#[actix_web::test]
async fn options_names_the_methods() {
    let request = TestRequest::with_uri("/api/v1/things/1").method(actix_web::http::Method::OPTIONS);
    let answer = ask_with(&state_for_tests(), odd, request).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("allow"), "GET, HEAD, PATCH, DELETE, OPTIONS");
    assert!(answer.body.is_empty());
}

#[actix_web::test]
async fn head_is_get_without_its_body() {
    let answer = say(odd, "HEAD /api/v1/things/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("content-length: 7\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[actix_web::test]
async fn panic_is_a_500_and_the_connection_stays_open() {
    let two = "GET /api/v1/odd/panic HTTP/1.1\r\nhost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = say(odd, two).await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("\"code\":\"internal\"") && answer.contains("x-request-id: "), "{answer}");
    assert!(answer.contains("HTTP/1.1 404 ") && answer.contains("\"code\":\"not_found\""), "{answer}");
}

#[actix_web::test]
async fn unknown_methods_are_not_implemented() {
    for path in ["/api/v1/things/1", "/nowhere"] {
        let request = TestRequest::with_uri(path).method("BREW".parse().unwrap());
        let answer = ask_with(&state_for_tests(), odd, request).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (501, &"not_implemented".into()), "{path}");
    }
}

#[actix_web::test]
async fn options_of_the_server_are_answered() {
    let request = TestRequest::with_uri("*").method(actix_web::http::Method::OPTIONS);
    let answer = ask_with(&state_for_tests(), odd, request).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert!(answer.header("allow").contains("DELETE") && !answer.header("x-request-id").is_empty());
}
