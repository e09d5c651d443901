//! Tests of the application on actix-web's own server: no response depends on the server.

use serde_json::Value;

use super::odd;
use crate::testing::say;

/// A response as received.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name).map(|(_, value)| value))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Requests a path, with additional header lines.
async fn ask(method: &'static str, path: &str, lines: &str) -> Answer {
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0\r\n{lines}\r\n");
    let answer = say(odd, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

#[actix_web::test]
async fn every_answer_has_the_standard_headers() {
    for (path, status) in
        [("/api/v1/things/1", 201), ("/nowhere", 404), ("/api/v1/odd/panic", 500), ("/api/v1/odd/down", 503)]
    {
        let answer = ask("GET", path, "x-request-id: mine\r\n").await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-request-id"), Some("mine"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert_eq!(answer.header("ratelimit-limit"), Some("100"), "{path}");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"default\";q=100;w=900"), "{path}");
        assert_eq!(answer.header("ratelimit"), Some("\"default\";r=99;t=900"), "{path}");
    }
    let live = ask("GET", "/health/live", "").await;
    assert_eq!((live.status, live.header("ratelimit-limit")), (200, None), "operators are not counted");
}

#[actix_web::test]
async fn errors_are_in_the_envelope() {
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/api/v1/things/1", 405, "method_not_allowed"),
        ("BREW", "/api/v1/things/1", 501, "not_implemented"),
        ("GET", "/api/v1/odd/panic", 500, "internal"),
        ("GET", "/api/v1/odd/down", 503, "unavailable"),
        ("GET", "/api/v1/users/me", 401, "missing_token"),
    ] {
        let answer = ask(method, path, "").await;
        let body = answer.json();
        assert_eq!((answer.status, &body["status"], &body["code"]), (status, &"error".into(), &code.into()), "{path}");
        assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"), "{path}");
    }
    let answer = ask("POST", "/api/v1/things/1", "").await;
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PATCH, DELETE, OPTIONS"));
    let problem = ask("GET", "/nowhere", "accept: application/problem+json\r\n").await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.json()["type"], "urn:entrepot:error:not_found");
}

#[actix_web::test]
async fn origins_are_told_what_they_may() {
    let origin = "origin: https://shop.example\r\n";
    let answer = ask("GET", "/api/v1/things/1", origin).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    let preflight =
        ask("OPTIONS", "/api/v1/things/1", &format!("{origin}access-control-request-method: PATCH\r\n")).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("PATCH"));
    let stranger = ask("GET", "/api/v1/things/1", "origin: https://evil.example\r\n").await;
    assert_eq!(stranger.header("access-control-allow-origin"), None);
}

#[actix_web::test]
async fn tags_are_compared() {
    let document = ask("GET", "/openapi.json", "").await;
    let tag = document.header("etag").unwrap().to_owned();
    let again = ask("GET", "/openapi.json", &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag.as_str())));
    let encoded = ask("HEAD", "/openapi.json", "accept-encoding: gzip\r\n").await;
    assert_eq!((encoded.header("content-encoding"), encoded.body.as_str()), (Some("gzip"), ""));
}
