//! Tests of metrics.

use std::sync::Arc;

use actix_web::{http::Method, test::TestRequest};

use super::{get, odd};
use crate::{
    HttpState,
    testing::{Mocks, ask, ask_with, state_for_tests},
};

async fn scrape(state: &Arc<HttpState>) -> String {
    let answer = ask(state, get("/metrics")).await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[actix_web::test]
async fn number_of_labels_is_bounded() {
    let state = state_for_tests();
    for n in 0..20 {
        ask_with(&state, odd, get(&format!("/api/v1/things/{n}?q={n}"))).await;
        ask_with(&state, odd, get(&format!("/nowhere/{n}"))).await;
        let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
        ask_with(&state, odd, TestRequest::with_uri("/api/v1/things/1").method(method)).await;
    }
    let text = scrape(&state).await;
    let series: Vec<_> = text.lines().filter(|line| line.starts_with("http_requests_total{")).collect();
    assert_eq!(
        series,
        [
            r#"http_requests_total{method="GET",route="/api/v1/things/{id}",status="201"} 20"#,
            r#"http_requests_total{method="GET",route="unmatched",status="404"} 20"#,
            r#"http_requests_total{method="OTHER",route="/api/v1/things/{id}",status="501"} 20"#,
        ]
    );
    let count = r#"http_request_duration_seconds_count{method="GET",route="/api/v1/things/{id}"}"#;
    assert_eq!(value(&text, count), Some(20.0));
    assert_eq!(value(&text, "http_requests_in_flight"), Some(1.0), "this one");
    assert_eq!(value(&text, &format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), Some(1.0));
}

#[actix_web::test]
async fn panicked_request_is_not_in_flight() {
    let state = state_for_tests();
    ask_with(&state, odd, get("/api/v1/odd/panic")).await;
    let text = scrape(&state).await;
    assert_eq!(value(&text, "http_requests_in_flight"), Some(1.0));
    let panics = r#"http_requests_total{method="GET",route="/api/v1/odd/panic",status="500"}"#;
    assert_eq!(value(&text, panics), Some(1.0));
}

#[actix_web::test]
async fn rate_limited_requests_are_counted() {
    let mut mocks = Mocks::default();
    let decision =
        entrepot_domain::RateLimitDecision { allowed: false, remaining: 0, resets_in: std::time::Duration::ZERO };
    mocks.limiter.expect_hit().return_const(decision);
    let state = mocks.state();
    let answer = ask_with(&state, odd, get("/api/v1/things/1")).await;
    assert_eq!(answer.header("retry-after"), "1");
    let text = scrape(&state).await;
    assert_eq!(value(&text, r#"rate_limited_total{limit="address"}"#), Some(1.0));
    let refused = r#"http_requests_total{method="GET",route="/api/v1/things/{id}",status="429"}"#;
    assert_eq!(value(&text, refused), Some(1.0));
}
