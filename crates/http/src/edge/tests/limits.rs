//! Tests of rate limits.

use std::time::Duration;

use entrepot_domain::{RateLimitDecision, Subject, UserId};
use uuid::Uuid;

use super::{get, odd};
use crate::testing::{Mocks, ask, ask_with, by, state_for_tests};

#[actix_web::test]
async fn every_counted_answer_says_where_the_caller_stands() {
    let answer = ask_with(&state_for_tests(), odd, get("/api/v1/odd/panic")).await;
    let headers = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy", "ratelimit"];
    let expected = ["100", "99", "900", "\"default\";q=100;w=900", "\"default\";r=99;t=900"];
    assert_eq!(headers.map(|name| answer.header(name)), expected);
}

#[actix_web::test]
async fn operators_are_not_counted() {
    let mut mocks = Mocks::default();
    mocks.limiter.expect_hit().never();
    let state = mocks.state();
    for path in ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/docs/"] {
        let answer = ask(&state, get(path)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.headers.contains_key("ratelimit-limit"), "{path}");
    }
}

async fn counted_as(subject: Subject, request: actix_web::test::TestRequest) {
    let mut mocks = Mocks::default();
    let decision = RateLimitDecision { allowed: false, remaining: 0, resets_in: Duration::from_millis(61_001) };
    mocks.limiter.expect_hit().withf(move |counted, _| *counted == subject).times(1).return_const(decision);
    let answer = ask_with(&mocks.state(), odd, request).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (429, Some("rate_limited")));
    assert_eq!([answer.header("retry-after"), answer.header("ratelimit-reset")], ["62", "62"]);
    assert_eq!(answer.header("ratelimit-remaining"), "0");
}

#[actix_web::test]
async fn users_are_limited_by_id_and_others_by_address() {
    let from = |peer: &str| get("/api/v1/things/1").peer_addr(format!("{peer}:5000").parse().unwrap());
    let address = |text: &str| Subject::Address(text.parse().unwrap());
    counted_as(Subject::User(UserId(Uuid::from_u128(1))), by("customer", from("192.0.2.1"))).await;
    counted_as(address("192.0.2.1"), from("192.0.2.1")).await;
    counted_as(address("192.0.2.1"), by("forged", from("192.0.2.1"))).await;
    counted_as(address("192.0.2.1"), by("expired", from("[::ffff:192.0.2.1]"))).await;
    counted_as(address("2001:db8:1:2::"), from("[2001:db8:1:2:3:4:5:6]")).await;
    counted_as(address("192.0.2.9"), from("10.0.0.1").insert_header(("x-forwarded-for", "192.0.2.9"))).await;
}
