//! Tests of callers and request identifiers.

use actix_web::{rt, test::TestRequest};

use futures_util::FutureExt;

use super::{get, odd};
use crate::testing::{ask, ask_with, by, state_for_tests};

#[actix_web::test]
async fn well_formed_request_id_is_used() {
    let state = state_for_tests();
    let answer = ask(&state, get("/health/live").insert_header(("x-request-id", "my-1"))).await;
    assert_eq!(answer.header("x-request-id"), "my-1");
    let answer = ask(&state, get("/health/live").insert_header(("x-request-id", "my 1"))).await;
    assert_eq!(answer.header("x-request-id"), "00000000-0000-0000-0000-000000000001");
}

#[actix_web::test]
async fn every_response_has_a_request_id() {
    let state = state_for_tests();
    for path in ["/health/live", "/nowhere", "/api/v1/odd/panic", "/api/v1/odd/foreign", "/api/v1/things/1"] {
        let answer = ask_with(&state, odd, get(path)).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[actix_web::test]
async fn caller_is_known_to_the_handler() {
    let request = by("customer", get("/api/v1/who"))
        .insert_header(("x-request-id", "r1"))
        .insert_header(("user-agent", "u".repeat(300)))
        .insert_header(("x-forwarded-for", "192.0.2.1"))
        .peer_addr("10.0.0.1:5000".parse().unwrap());
    let answer = ask_with(&state_for_tests(), odd, request).await;
    assert_eq!(answer.body, format!("1 192.0.2.1 {} r1", "u".repeat(256)));
}

async fn refused(authorization: Option<&str>) -> (u16, String, String) {
    let mut request = get("/api/v1/who");
    if let Some(value) = authorization {
        request = request.insert_header(("authorization", value));
    }
    let answer = ask_with(&state_for_tests(), odd, request).await;
    let code = answer.json()["code"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), code, answer.header("www-authenticate").to_owned())
}

#[actix_web::test]
async fn refused_credentials_name_the_reason() {
    let with = |error: &str| format!(r#"Bearer realm="entrepot", error="invalid_token", error_description="{error}""#);
    let bare = r#"Bearer realm="entrepot""#.to_owned();
    assert_eq!(refused(None).await, (401, "missing_token".into(), bare));
    let invalid = (401, "invalid_token".into(), with("the token is not valid"));
    for bad in ["Basic YTpi", "Bearer", "Bearer forged", "Bearer over", "customer"] {
        assert_eq!(refused(Some(bad)).await, invalid, "{bad}");
    }
    assert_eq!(refused(Some("bearer expired")).await, (401, "token_expired".into(), with("the token has expired")));
}

#[actix_web::test]
async fn change_completes_after_its_request_is_dropped() {
    let (done, seen) = std::sync::mpsc::channel();
    let mut change = Box::pin(crate::edge::outlive(async move {
        rt::task::yield_now().await;
        done.send(()).unwrap();
    }));
    assert!((&mut change).now_or_never().is_none());
    drop(change);
    for _ in 0..3 {
        rt::task::yield_now().await;
    }
    assert_eq!(seen.try_recv(), Ok(()));
}

#[actix_web::test]
async fn panicking_change_is_a_500() {
    let answer = ask_with(&state_for_tests(), odd, TestRequest::post().uri("/api/v1/odd/outlived")).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (500, Some("internal")));
}
