//! HTTP/1: what is accepted, what is refused, and when connections stay open.

use std::{
    io::Write,
    net::Shutdown,
    time::{Duration, Instant},
};

use entrepot_transport::{Settings, Timeouts};

use crate::{
    client::{connect, read_to_end, read_until, round_trip, statuses},
    server::{LARGE, TestServer, settings},
};

const LIVE: &str = "GET /live HTTP/1.1\r\nhost: a\r\n\r\n";

fn count(answers: &str, line: &str) -> usize {
    answers.matches(&format!("\r\n{line}\r\n")).count()
}

#[test]
fn unknown_length_is_chunked() {
    let server = TestServer::start(settings());
    let answer = round_trip(&server, "GET /parts HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(count(&answer, "transfer-encoding: chunked"), 1, "{answer}");
    assert!(answer.ends_with("\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"), "{answer}");
    let answer = round_trip(&server, "GET /parts HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
    assert_eq!(count(&answer, "connection: close"), 1, "{answer}");
}

#[test]
fn http_1_0_connections_close_unless_kept_alive() {
    let server = TestServer::start(settings());
    let answers = round_trip(
        &server,
        "GET /live HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /live HTTP/1.0\r\n\r\nGET /live HTTP/1.0\r\n\r\n",
    );
    assert_eq!(statuses(&answers), [200, 200], "{answers}");
    assert_eq!((count(&answers, "connection: keep-alive"), count(&answers, "connection: close")), (1, 1), "{answers}");
}

#[test]
fn nothing_is_read_behind_the_last_answer() {
    let server = TestServer::start(settings());
    let closing = LIVE.replace("host", "connection: close\r\nhost");
    assert_eq!(statuses(&round_trip(&server, format!("{closing}{LIVE}"))), [200]);
}

#[test]
fn head_and_304_have_no_body() {
    let server = TestServer::start(settings());
    let answers = round_trip(&server, format!("{}{}", LIVE.replace("GET", "HEAD"), LIVE.replace("live", "same")));
    assert_eq!(answers.matches("\r\n\r\n").count(), 2, "{answers}");
    assert_eq!(answers.matches("content-length: ").count(), 1, "{answers}");
    assert_eq!(count(&answers, "content-length: 5"), 1, "{answers}");
    assert!(answers.ends_with("\r\n\r\n"), "{answers}");
}

#[test]
fn headers_of_one_name_stay_separate() {
    let answer = round_trip(&TestServer::start(settings()), LIVE.replace("live", "cookies"));
    assert_eq!((count(&answer, "set-cookie: a=1"), count(&answer, "set-cookie: b=2")), (1, 1), "{answer}");
    assert_eq!(answer.matches("date: ").count(), 1, "{answer}");
}

#[test]
fn next_request_is_found_behind_an_unread_body() {
    let server = TestServer::start(settings());
    for (body, goes_on) in [
        ("content-length: 5\r\n\r\nhello", true),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", false),
        ("content-length: 100000\r\n\r\nhello", false),
        ("content-length: 5\r\nexpect: 100-continue\r\n\r\n", false),
    ] {
        let answers = round_trip(&server, format!("POST /deaf HTTP/1.1\r\nhost: a\r\n{body}{LIVE}"));
        assert_eq!(statuses(&answers), [&[401][..], &[200][..usize::from(goes_on)]].concat(), "{body}: {answers}");
        assert_eq!(count(&answers, "connection: close"), usize::from(!goes_on), "{body}: {answers}");
    }
}

#[test]
fn refusal_is_read_by_a_client_that_goes_on_sending() {
    let server = TestServer::start(settings());
    for (framing, piece) in
        [("content-length: 60000", "x".repeat(1_000)), ("content-length: 9000000", "x".repeat(60_000))]
    {
        let mut stream = connect(&server);
        write!(stream, "POST /deaf HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n").unwrap();
        for _ in 0..60 {
            stream.write_all(piece.as_bytes()).unwrap();
        }
        assert!(read_until(&mut stream, "deaf").starts_with("HTTP/1.1 401 "), "{framing}");
    }
}

#[test]
fn continue_is_sent_when_the_body_is_read() {
    let server = TestServer::start(settings());
    let mut stream = connect(&server);
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n").unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let answer = read_to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn large_responses_are_complete() {
    let answer = round_trip(&TestServer::start(settings()), LIVE.replace("live", "large"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(count(&format!("{head}\r\n"), &format!("content-length: {LARGE}")) == 1 && body.len() == LARGE, "{head}");
}

#[test]
fn trailers_are_read_strictly() {
    let server = TestServer::start(settings());
    let chunked = |end: &str| {
        format!("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{end}")
    };
    for good in ["\r\n", "x-sum: 1\r\ny:\r\n\r\n"] {
        assert_eq!(statuses(&round_trip(&server, format!("{}{LIVE}", chunked(good)))), [200, 200], "{good:?}");
    }
    for bad in ["\n", "garbage\r\n\r\n", "a: b\n\r\n", "a: \x01\r\n\r\n", "a b: c\r\n\r\n"] {
        let answers = round_trip(&server, format!("{}{LIVE}", chunked(bad)));
        assert_eq!(statuses(&answers), [400], "{bad:?}: {answers}");
        assert_eq!(count(&answers, "connection: close"), 1, "{bad:?}: {answers}");
    }
}

#[test]
fn long_heads_are_refused_once() {
    let server = TestServer::start(settings());
    let get = |head: String| format!("GET / HTTP/1.1\r\nhost: a\r\n{head}\r\n");
    for (head, status) in [
        (get(format!("{}: b\r\n", "a".repeat(65_535))), 404),
        (get(format!("{}: b\r\n", "a".repeat(65_536))), 431),
        (get(format!("{}: b\r\n", "a".repeat(200_000))), 431),
        (get(format!("a: {}\r\n", "b".repeat(1_000_000))), 431),
        (get("a: b\r\n".repeat(100)), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(65_521)), 414),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(1_000_000)), 414),
        (format!("GET /live HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(99)), 200),
        (format!("GET /live?{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(60_000)), 200),
    ] {
        let answers = round_trip(&server, &head);
        assert_eq!(statuses(&answers), [status], "{head:.60} of {} bytes: {answers}", head.len());
    }
}

#[test]
fn versions_and_targets_are_checked() {
    let server = TestServer::start(settings());
    for (request, status) in [
        ("GET /live HTTP/1.2\r\nhost: a\r\n\r\n", 200),
        ("GET /live HTTP/2.0\r\nhost: a\r\n\r\n", 505),
        ("GET /live HTTP/0.9\r\nhost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("GET /live#a HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET http://a/live HTTP/1.1\r\nhost: b\r\n\r\n", 200),
        ("GET http://user@a/live HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET /live HTTP/1.1\r\nhost: user@a\r\n\r\n", 400),
        ("GET /live HTTP/1.1\r\nhost: [::1\r\n\r\n", 400),
        ("GET /live HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", 200),
        ("GET /live HTTP/1.1\r\nhost: a:x\r\n\r\n", 400),
        ("GET /live HTTP/1.1\r\nhost: %zz\r\n\r\n", 400),
        ("GET /live HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        ("GET /live HTTP/1.1\r\n\r\n", 400),
        ("GET /live HTTP/1.0\r\n\r\n", 200),
    ] {
        let answers = round_trip(&server, request);
        assert_eq!(statuses(&answers), [status], "{request}: {answers}");
        assert_eq!(count(&answers, "connection: close"), usize::from(status != 200 || request.contains("1.0")));
    }
}

#[test]
fn offers_of_other_protocols_are_ignored() {
    let server = TestServer::start(settings());
    for upgrade in ["h2c", "TLS/1.0", "websocket"] {
        let offer = LIVE.replace("host", &format!("connection: upgrade\r\nupgrade: {upgrade}\r\nhost"));
        assert_eq!(statuses(&round_trip(&server, format!("{offer}{LIVE}"))), [200, 200], "{upgrade}");
    }
}

fn short_timeouts() -> Settings {
    let timeouts = Timeouts {
        head: Duration::from_millis(700),
        idle: Duration::from_millis(1_500),
        unread: Duration::from_millis(700),
        linger: Duration::from_millis(300),
    };
    Settings { timeouts, ..settings() }
}

#[test]
fn slow_heads_and_idle_connections_are_closed() {
    let server = TestServer::start(short_timeouts());
    let mut slow = connect(&server);
    let mut idle = connect(&server);
    idle.write_all(LIVE.as_bytes()).unwrap();
    read_until(&mut idle, "alive");
    let began = Instant::now();
    slow.write_all(b"GET /live").unwrap();
    let answer = read_to_end(&mut slow);
    assert_eq!(statuses(&answer), [408], "{answer}");
    assert_eq!(read_to_end(&mut idle), "");
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn oldest_idle_connections_are_evicted() {
    let server = TestServer::start(Settings { max_connections: 20, ..settings() });
    let mut idle: Vec<_> = (0..40).map(|_| connect(&server)).collect();
    let mut late = connect(&server);
    late.write_all(LIVE.as_bytes()).unwrap();
    read_until(&mut late, "alive");
    assert_eq!(read_to_end(&mut idle[0]), "");
}
