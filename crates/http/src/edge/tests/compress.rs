//! Tests of compression.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG},
    test::TestRequest,
};

use super::get;
use crate::{
    edge::{Methods, Parameter, Routes},
    encoding::Coding,
    testing::{Answer, ask, ask_with, state_for_tests},
};

fn texts(to: &mut Routes) {
    Methods::at("/text/{*what}").get(text).mount(to);
}

/// A text of the content type and length in its path.
async fn text(Parameter(what): Parameter) -> HttpResponse {
    let (kind, length) = what.split_once('/').unwrap();
    let length = length.parse().unwrap();
    let mut answer = HttpResponse::Ok();
    answer.insert_header((ETAG, "\"3\"")).insert_header((CACHE_CONTROL, "no-cache"));
    match kind {
        "json" => answer.insert_header((CONTENT_TYPE, "application/json")),
        "html" => answer.insert_header((CONTENT_TYPE, "text/html; charset=utf-8")),
        "image" => answer.insert_header((CONTENT_TYPE, "image/png")),
        "weak" => answer.insert_header((CONTENT_TYPE, "text/plain")).insert_header((ETAG, "W/\"3\"")),
        "secret" => answer.insert_header((CONTENT_TYPE, "text/plain")).insert_header((CACHE_CONTROL, "no-store")),
        "packed" => answer.insert_header((CONTENT_TYPE, "text/plain")).insert_header((CONTENT_ENCODING, "gzip")),
        _ => &mut answer,
    };
    answer.body("x".repeat(length))
}

async fn respond_to(path: &str, encodings: &str) -> Answer {
    let request = get(&format!("/api/v1/text/{path}"));
    let request = if encodings.is_empty() { request } else { request.insert_header(("accept-encoding", encodings)) };
    ask_with(&state_for_tests(), texts, request).await
}

fn varies(answer: &Answer) -> bool {
    answer.headers.get_all("vary").any(|vary| vary == "Accept-Encoding")
}

fn is_plain(answer: &Answer, length: usize) -> bool {
    !answer.headers.contains_key("content-encoding") && answer.body.len() == length
}

#[actix_web::test]
async fn long_response_has_the_preferred_coding() {
    for (encodings, name) in [("gzip", "gzip"), ("gzip, br", "br"), ("gzip, deflate, br, zstd", "zstd")] {
        for path in ["json/100000", "html/2000"] {
            let answer = respond_to(path, encodings).await;
            assert_eq!(answer.header("content-encoding"), name, "{path}");
            assert!(varies(&answer) && answer.body.len() < 500);
            assert_eq!(answer.header("etag"), format!("\"3-{name}\""), "its bytes differ");
        }
    }
    assert_eq!(respond_to("weak/2000", "gzip").await.header("etag"), "W/\"3\"", "a weak tag stays");
}

#[actix_web::test]
async fn response_is_plain_if_not_asked_for_and_varies() {
    for encodings in ["", "identity", "gzip;q=0", "gzip;q=0.5, identity", "deflate"] {
        let answer = respond_to("json/2000", encodings).await;
        assert!(is_plain(&answer, 2_000) && varies(&answer), "{encodings}");
        assert_eq!(answer.header("etag"), "\"3\"");
    }
}

#[actix_web::test]
async fn short_and_incompressible_responses_stay_plain() {
    let small = respond_to("json/1000", "gzip, br").await;
    assert!(is_plain(&small, 1_000) && varies(&small), "a client may exclude a plain response");
    for path in ["image/5000", "packed/5000", "none/5000"] {
        let (_, length) = path.split_once('/').unwrap();
        let answer = respond_to(path, "gzip, br").await;
        assert!(answer.body.len().to_string() == length && !varies(&answer), "{path}");
        assert_eq!(answer.header("etag"), "\"3\"", "{path}");
    }
}

#[actix_web::test]
async fn secret_response_is_never_compressed() {
    for encodings in ["gzip", "gzip, identity;q=0"] {
        assert!(is_plain(&respond_to("secret/5000", encodings).await, 5_000), "{encodings}");
    }
}

#[actix_web::test]
async fn small_response_is_compressed_if_plain_is_excluded() {
    for encodings in ["gzip, identity;q=0", "gzip;q=0.3, *;q=0"] {
        let answer = respond_to("json/10", encodings).await;
        assert_eq!(answer.header("content-encoding"), "gzip", "{encodings}");
        assert!(varies(&answer));
    }
    let answer = respond_to("json/10", "identity;q=0").await;
    assert!(is_plain(&answer, 10), "a plain response is better than none");
}

#[actix_web::test]
async fn unchanging_response_has_a_tag_for_each_coding() {
    let state = state_for_tests();
    let document = |encodings: &'static str| get("/openapi.json").insert_header(("accept-encoding", encodings));
    let plain = ask(&state, get("/openapi.json")).await;
    for coding in Coding::ALL {
        let first = ask(&state, document(coding.name())).await;
        assert_eq!(first.header("content-encoding"), coding.name());
        assert!(first.body.len() < plain.body.len() / 5, "{coding:?}: {}", first.body.len());
        assert_eq!(first.body, ask(&state, document(coding.name())).await.body, "it is compressed once");
        let tag = first.header("etag");
        assert_eq!(tag, coding.tag(plain.header("etag")).unwrap());
        for known in [tag.to_owned(), format!("W/{tag}")] {
            let again = ask(&state, document(coding.name()).insert_header(("if-none-match", known))).await;
            assert_eq!((again.status.as_u16(), again.header("etag")), (304, tag));
            assert!(varies(&again));
        }
        let other = ask(&state, get("/openapi.json").insert_header(("if-none-match", tag))).await;
        assert_eq!(other.status, 200, "a client that does not accept the coding must not get it from a cache");
    }
}

#[actix_web::test]
async fn files_of_the_page_are_compressed() {
    for file in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let request = TestRequest::get().uri(&format!("/docs/{file}")).insert_header(("accept-encoding", "br"));
        let plain = ask(&state_for_tests(), get(&format!("/docs/{file}"))).await;
        let answer = ask(&state_for_tests(), request).await;
        assert_eq!(answer.header("content-encoding"), "br");
        assert!(answer.body.len() < plain.body.len() / 3, "{file}: {} of {}", answer.body.len(), plain.body.len());
    }
}
