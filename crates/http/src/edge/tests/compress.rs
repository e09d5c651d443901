//! Answers that come shorter.

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

/// A text of some kind and length.
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

async fn asked(path: &str, encodings: &str) -> Answer {
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
async fn a_long_answer_comes_as_its_client_likes_it() {
    for (encodings, name) in [("gzip", "gzip"), ("gzip, br", "br"), ("gzip, deflate, br, zstd", "zstd")] {
        for path in ["json/100000", "html/2000"] {
            let answer = asked(path, encodings).await;
            assert_eq!(answer.header("content-encoding"), name, "{path}");
            assert!(varies(&answer) && answer.body.len() < 500);
            assert_eq!(answer.header("etag"), format!("\"3-{name}\""), "its bytes are others");
        }
    }
    assert_eq!(asked("weak/2000", "gzip").await.header("etag"), "W/\"3\"", "that says no more than it did");
}

#[actix_web::test]
async fn who_does_not_ask_gets_it_plain_and_caches_are_told() {
    for encodings in ["", "identity", "gzip;q=0", "gzip;q=0.5, identity", "deflate"] {
        let answer = asked("json/2000", encodings).await;
        assert!(is_plain(&answer, 2_000) && varies(&answer), "{encodings}");
        assert_eq!(answer.header("etag"), "\"3\"");
    }
}

#[actix_web::test]
async fn what_gains_nothing_is_left_alone() {
    let small = asked("json/1000", "gzip, br").await;
    assert!(is_plain(&small, 1_000) && varies(&small), "a client may exclude a plain response");
    for path in ["image/5000", "packed/5000", "none/5000"] {
        let (_, length) = path.split_once('/').unwrap();
        let answer = asked(path, "gzip, br").await;
        assert!(answer.body.len().to_string() == length && !varies(&answer), "{path}");
        assert_eq!(answer.header("etag"), "\"3\"", "{path}");
    }
}

#[actix_web::test]
async fn what_has_secrets_in_it_is_never_encoded() {
    for encodings in ["gzip", "gzip, identity;q=0"] {
        assert!(is_plain(&asked("secret/5000", encodings).await, 5_000), "{encodings}");
    }
}

#[actix_web::test]
async fn who_takes_nothing_plain_gets_even_small_things_encoded() {
    for encodings in ["gzip, identity;q=0", "gzip;q=0.3, *;q=0"] {
        let answer = asked("json/10", encodings).await;
        assert_eq!(answer.header("content-encoding"), "gzip", "{encodings}");
        assert!(varies(&answer));
    }
    let answer = asked("json/10", "identity;q=0").await;
    assert!(is_plain(&answer, 10), "but nothing is worse than an answer that may not be understood");
}

#[actix_web::test]
async fn what_never_changes_is_known_by_the_tag_of_its_coding() {
    let state = state_for_tests();
    let document = |encodings: &'static str| get("/openapi.json").insert_header(("accept-encoding", encodings));
    let plain = ask(&state, get("/openapi.json")).await;
    for coding in Coding::ALL {
        let first = ask(&state, document(coding.name())).await;
        assert_eq!(first.header("content-encoding"), coding.name());
        assert!(first.body.len() < plain.body.len() / 5, "{coding:?}: {}", first.body.len());
        assert_eq!(first.body, ask(&state, document(coding.name())).await.body, "it is kept");
        let tag = first.header("etag");
        assert_eq!(tag, coding.tag(plain.header("etag")).unwrap());
        for known in [tag.to_owned(), format!("W/{tag}")] {
            let again = ask(&state, document(coding.name()).insert_header(("if-none-match", known))).await;
            assert_eq!((again.status.as_u16(), again.header("etag")), (304, tag));
            assert!(varies(&again));
        }
        let other = ask(&state, get("/openapi.json").insert_header(("if-none-match", tag))).await;
        assert_eq!(other.status, 200, "who takes it only plain must not be sent what a cache has");
    }
}

#[actix_web::test]
async fn the_files_of_the_page_come_encoded() {
    for file in ["swagger-ui-bundle.js", "swagger-ui.css"] {
        let request = TestRequest::get().uri(&format!("/docs/{file}")).insert_header(("accept-encoding", "br"));
        let plain = ask(&state_for_tests(), get(&format!("/docs/{file}"))).await;
        let answer = ask(&state_for_tests(), request).await;
        assert_eq!(answer.header("content-encoding"), "br");
        assert!(answer.body.len() < plain.body.len() / 3, "{file}: {} of {}", answer.body.len(), plain.body.len());
    }
}
