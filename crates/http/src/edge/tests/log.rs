//! Tests of the log.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::Once,
};

use actix_web::test::TestRequest;
use serde_json::Value;

use super::{get, impatient, odd};
use crate::testing::{Mocks, ask_with, by};

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Collects what the thread of a test logs.
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that are logged for a request with the identifier `r1`.
async fn logged(mocks: Mocks, request: TestRequest) -> Vec<Value> {
    // Tracing caches which events are enabled for all threads, so the tests share one subscriber.
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| tracing_subscriber::fmt().json().flatten_event(true).with_writer(|| Lines).init());
    LINES.take();
    ask_with(&mocks.state(), odd, request.insert_header(("x-request-id", "r1"))).await;
    let lines = LINES.take();
    lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[actix_web::test]
async fn request_is_logged_as_one_line() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = by("customer", get("/api/v1/things/7?password=secret"))
        .insert_header(("user-agent", "curl/8"))
        .insert_header(("traceparent", format!("00-{trace}-b7ad6b7169203331-01")))
        .peer_addr("192.0.2.1:5000".parse().unwrap());
    let lines = logged(Mocks::default(), request).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["target"], "http");
    assert_eq!((&line["method"], &line["route"]), (&"GET".into(), &"/api/v1/things/{id}".into()));
    assert_eq!((&line["status"], &line["request_id"]), (&201.into(), &"r1".into()));
    assert_eq!((&line["address"], &line["user_agent"]), (&"192.0.2.1".into(), &"curl/8".into()));
    assert_eq!((&line["trace_id"], &line["user"]), (&trace.into(), &"00000000-0000-0000-0000-000000000001".into()));
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(!line.to_string().contains("secret"));
}

#[actix_web::test]
async fn fault_is_logged_with_its_causes() {
    let lines = logged(Mocks::default(), get("/api/v1/odd/down")).await;
    let [fault, access] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&fault["level"], &fault["request_id"]), (&"ERROR".into(), &"r1".into()));
    assert_eq!(fault["dependency"], "postgres");
    assert_eq!(fault["error"], "postgres is unavailable: connecting to db.internal: no route to host");
    assert_eq!(access["status"], 503);
}

#[actix_web::test]
async fn panic_and_timeout_are_logged_with_their_route() {
    let lines = logged(Mocks::default(), get("/api/v1/odd/panic")).await;
    let [fault, access] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&fault["panic"], &fault["request_id"]), (&"secret inside".into(), &"r1".into()));
    assert_eq!((&access["route"], &access["status"]), (&"/api/v1/odd/panic".into(), &500.into()));

    let lines = logged(impatient(), get("/api/v1/odd/never")).await;
    let [fault, access] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&fault["level"], &fault["message"]), (&"ERROR".into(), &"a request took too long".into()));
    assert_eq!((&access["route"], &access["status"]), (&"/api/v1/odd/never".into(), &503.into()));
}

#[actix_web::test]
async fn events_of_a_handler_have_the_request_id() {
    let lines = logged(Mocks::default(), get("/api/v1/odd/chatty")).await;
    let [inside, access] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&inside["message"], &inside["span"]["request_id"]), (&"inside".into(), &"r1".into()));
    assert_eq!((&access["message"], &access["request_id"]), (&"request".into(), &"r1".into()));
}
