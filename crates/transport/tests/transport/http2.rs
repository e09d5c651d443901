//! HTTP/2: errors affect only their stream, and resources are bounded.

use std::time::Duration;

use entrepot_transport::{Settings, Timeouts};

use crate::{
    frames::{DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PADDED, RST_STREAM, WINDOW_UPDATE, block},
    server::{LARGE, TestServer, settings},
};

const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;

/// Whether the head has this status, given its encoding (RFC 7541 A).
fn has_status(head: &Frame, status: &[u8]) -> bool {
    head.payload.windows(status.len()).any(|part| part == status)
}

const OK: &[u8] = &[0x88];
const BAD_REQUEST: &[u8] = &[0x8c];

/// The resident memory of this process in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

#[tokio::test]
async fn requests_are_answered() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    frames.is_alive(1).await;
    frames.send(&[Frame::request(3, "POST", "/echo", false, &[]), Frame::new(DATA, END_STREAM, 3, *b"hello")]).await;
    assert_eq!(frames.body(3).await, b"hello");
    frames.send(&[Frame::request(5, "HEAD", "/live", true, &[])]).await;
    let head = frames.head(5).await;
    assert!(head.flags & END_STREAM != 0 && has_status(&head, OK), "{head:?}");
    frames.send(&[Frame::request(7, "GET", "/large", true, &[])]).await;
    assert_eq!(frames.body(7).await.len(), LARGE);
}

#[tokio::test]
async fn small_data_frames_use_bounded_memory() {
    let server = TestServer::with_tls(settings());
    let before = resident();
    let mut all = Vec::new();
    for _ in 0..40 {
        let mut frames = Frames::connect(&server, &[]).await;
        frames.send(&[1, 3, 5, 7].map(|stream| Frame::request(stream, "POST", "/hold", false, &[]))).await;
        let data: Vec<_> = (0..1_000).map(|n| Frame::new(DATA, 0, 1 + 2 * (n % 4), *b"x")).collect();
        for _ in 0..50 {
            if !frames.send(&data).await {
                break;
            }
        }
        all.push(frames);
    }
    let grown = resident().saturating_sub(before);
    println!("{} bytes for each connection", grown / all.len());
    assert!(grown < all.len() * (4 << 20), "{grown}");
}

#[tokio::test]
async fn padding_is_credited_to_the_windows() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    frames.send(&[Frame::request(1, "POST", "/count", false, &[])]).await;
    // With 256 bytes of padding per 1,000 bytes of data, there is more padding than the window of the connection.
    let padded = Frame::new(DATA, PADDED, 1, [vec![255], vec![b'x'; 1_000], vec![0; 255]].concat());
    let mut credit = 256 << 10;
    for _ in 0..500 {
        let batch = vec![padded.clone(); 10];
        while credit < 10 * 1_256 {
            let update = frames.until(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 1).await;
            credit += i64::from(update.number(0));
        }
        credit -= 10 * 1_256;
        assert!(frames.send(&batch).await);
    }
    frames.send(&[Frame::new(DATA, END_STREAM, 1, [])]).await;
    assert_eq!(frames.body(1).await, b"5000000");
}

#[tokio::test]
async fn malformed_heads_reset_their_stream_alone() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    frames.send(&[Frame::request(1, "POST", "/echo", false, &[])]).await;
    let mut streams = (3..).step_by(2);
    for more in [
        ("x-a", "a\x01b"),
        ("x-a", "a\nb"),
        ("x-a", "\x7f"),
        ("x a", "b"),
        ("", "b"),
        ("X-A", "b"),
        ("x\x00a", "b"),
        ("connection", "close"),
        ("te", "gzip"),
        (":path", "/twice"),
        (":nothing", "b"),
    ] {
        let stream = streams.next().unwrap();
        frames.send(&[Frame::request(stream, "GET", "/live", true, &[more])]).await;
        let reset = frames.until(|frame| frame.stream == stream || frame.kind == GOAWAY).await;
        assert_eq!((reset.kind, reset.number(0)), (RST_STREAM, PROTOCOL_ERROR), "{more:?}: {reset:?}");
        // The next request is decoded correctly: the HPACK tables of both sides are equal.
        frames.is_alive(streams.next().unwrap()).await;
    }
    frames.send(&[Frame::new(DATA, END_STREAM, 1, *b"hello")]).await;
    assert_eq!(frames.body(1).await, b"hello", "a request that was there before");
}

/// A proxy sends the requests of many clients on one connection: it has to open another one before this one is ended.
#[tokio::test]
async fn goaway_is_sent_after_many_malformed_heads() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    let malformed = |stream| Frame::request(stream, "GET", "/live", true, &[("x-a", "\x01")]);
    frames.send(&(1..1_024).step_by(2).map(malformed).collect::<Vec<_>>()).await;
    frames.send(&[Frame::request(1_025, "GET", "/live", true, &[])]).await;
    let (mut resets, mut goaway) = (0, None);
    loop {
        let frame = frames.next().await.expect("the answer to the last one");
        match frame.kind {
            RST_STREAM => resets += 1,
            GOAWAY => goaway = Some((frame.number(0), frame.number(4))),
            _ if frame.stream == 1_025 && frame.flags & END_STREAM > 0 => break,
            _ => {}
        }
    }
    assert_eq!((resets, goaway), (512, Some((u32::MAX >> 1, NO_ERROR))));
}

#[tokio::test]
async fn differing_hosts_are_refused() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    for (stream, more, status) in [
        (1, &[("host", "a")][..], OK),
        (3, &[("host", "A")], OK),
        (5, &[("host", "b")], BAD_REQUEST),
        (7, &[("host", "a"), ("host", "a")], BAD_REQUEST),
        (9, &[("host", "a:x")], BAD_REQUEST),
    ] {
        frames.send(&[Frame::request(stream, "GET", "/live", true, more)]).await;
        let head = frames.head(stream).await;
        assert!(has_status(&head, status), "{more:?}: {head:?}");
    }
}

#[tokio::test]
async fn wrong_lengths_and_trailers_are_refused() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    let post = |stream, more: &[(&str, &str)]| Frame::request(stream, "POST", "/echo", false, more);
    let length = [("content-length", "5")];
    let trailers = |stream, field| Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, block(&[field]));
    for (stream, sent) in [
        (1, vec![post(1, &length), Frame::new(DATA, END_STREAM, 1, *b"hell")]),
        (3, vec![post(3, &length), Frame::new(DATA, END_STREAM, 3, *b"hello!")]),
        (5, vec![post(5, &[("content-length", "5"), ("content-length", "6")])]),
        (7, vec![post(7, &[]), Frame::new(DATA, 0, 7, *b"hi"), trailers(7, (":path", "/"))]),
    ] {
        frames.send(&sent).await;
        let reset = frames.until(|frame| frame.stream == stream && frame.kind != WINDOW_UPDATE).await;
        assert_eq!((reset.kind, reset.number(0)), (RST_STREAM, PROTOCOL_ERROR), "{stream}: {reset:?}");
    }
    frames.send(&[post(9, &[]), Frame::new(DATA, 0, 9, *b"hi"), trailers(9, ("x-sum", "1"))]).await;
    assert_eq!(frames.body(9).await, b"hi");
}

#[tokio::test]
async fn late_data_of_a_refused_stream_is_ignored() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    let open: Vec<_> = (0..101).map(|n| Frame::request(1 + 2 * n, "POST", "/echo", false, &[])).collect();
    frames.send(&open).await;
    let refused = frames.until(|frame| frame.kind == RST_STREAM).await.stream;
    assert_eq!(refused, 201);
    for _ in 0..50 {
        frames.send(&[Frame::new(DATA, 0, refused, *b"late")]).await;
    }
    frames.send(&[Frame::new(DATA, END_STREAM, refused, *b"late"), Frame::new(DATA, END_STREAM, 1, *b"hello")]).await;
    assert_eq!(frames.body(1).await, b"hello");
    frames.is_alive(301).await;
}

#[tokio::test]
async fn responses_are_completed_after_the_clients_goaway() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    frames.send(&[Frame::request(1, "GET", "/large", true, &[])]).await;
    frames.head(1).await;
    frames.send(&[Frame::new(GOAWAY, 0, 0, [0; 8])]).await;
    assert_eq!(frames.body(1).await.len(), LARGE);
}

#[tokio::test]
async fn continue_is_sent_when_the_body_is_read() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    let expect = [("expect", "100-continue")];
    frames.send(&[Frame::request(1, "POST", "/echo", false, &expect)]).await;
    let head = frames.head(1).await;
    assert!(head.flags & END_STREAM == 0 && !has_status(&head, OK), "{head:?}");
    frames.send(&[Frame::new(DATA, END_STREAM, 1, *b"hello")]).await;
    assert!(has_status(&frames.head(1).await, OK));
    assert_eq!(frames.body(1).await, b"hello");
    frames.send(&[Frame::request(3, "POST", "/deaf", false, &expect)]).await;
    assert_eq!(frames.body(3).await, b"deaf", "nobody reads it, and it is not asked for");
}

#[tokio::test]
async fn small_bodies_are_read_behind_a_refusal() {
    let server = TestServer::with_tls(settings());
    let mut frames = Frames::connect(&server, &[]).await;
    let length = [("content-length", "5")];
    frames.send(&[Frame::request(1, "POST", "/deaf", false, &length)]).await;
    assert_eq!(frames.body(1).await, b"deaf");
    frames.ping().await;
    frames.send(&[Frame::new(DATA, END_STREAM, 1, *b"hello")]).await;
    frames.is_alive(3).await;
    // A large body is not read: the stream ends without an error.
    frames.send(&[Frame::request(5, "POST", "/deaf", false, &[("content-length", "1000000")])]).await;
    assert_eq!(frames.body(5).await, b"deaf");
    let reset = frames.until(|frame| frame.kind == RST_STREAM).await;
    assert_eq!((reset.stream, reset.number(0)), (5, NO_ERROR));
    frames.is_alive(7).await;
}

#[tokio::test]
async fn idle_and_slow_connections_end_with_goaway() {
    let timeouts =
        Timeouts { head: Duration::from_millis(700), idle: Duration::from_millis(1_500), ..Timeouts::default() };
    let server = TestServer::with_tls(Settings { timeouts, ..settings() });
    let mut idle = Frames::connect(&server, &[]).await;
    idle.is_alive(1).await;
    let mut slow = Frames::connect(&server, &[]).await;
    slow.is_alive(1).await;
    slow.say(&[0, 1, 0, 1, 5, 0, 0, 0, 3]).await;
    let mut silent = Frames::handshake(&server).await;
    for (frames, last) in [(&mut idle, 1), (&mut slow, 1), (&mut silent, 0)] {
        let rest = frames.rest().await;
        let goaway = rest.iter().find(|frame| frame.kind == GOAWAY).expect("a GOAWAY");
        assert_eq!((goaway.number(0), goaway.number(4)), (last, NO_ERROR), "{rest:?}");
    }
}

/// A client with an open connection, and one that is opening a connection.
#[tokio::test]
async fn stop_loses_no_request() {
    let mut server = TestServer::with_tls(settings());
    let mut open = Frames::connect(&server, &[]).await;
    open.is_alive(1).await;
    let mut opening = Frames::handshake(&server).await;
    server.request_stop();
    let goaway = open.until(|frame| frame.kind == GOAWAY).await;
    assert_eq!((goaway.number(0), goaway.number(4)), (u32::MAX >> 1, NO_ERROR));
    // A request that was sent before GOAWAY arrived.
    open.is_alive(3).await;
    opening.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    opening.send(&[Frame::new(4, 0, 0, [])]).await;
    opening.is_alive(1).await;
    let rest = open.rest().await;
    let goaway = rest.iter().find(|frame| frame.kind == GOAWAY).expect("a second GOAWAY");
    assert_eq!((goaway.number(0), goaway.number(4)), (3, NO_ERROR), "it says what was answered last");
    drop(opening);
    let began = std::time::Instant::now();
    tokio::task::spawn_blocking(move || server.join()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
