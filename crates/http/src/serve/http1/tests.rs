use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream as StdStream},
    time::Duration,
};

use actix_service::{ServiceFactory, map_config};
use actix_web::{HttpResponse, dev::AppConfig};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::{net::TcpStream, sync::Notify, task::spawn_blocking};

use super::*;
use crate::{
    edge::{Methods, Routes},
    error::ApiResult,
    routes::app_with,
    serve::{clock::Clock, connection::Connection, stream::Transport},
    testing::state_for_tests,
};

/// All that comes back until the server closes, when a client does this on its connection.
pub(crate) async fn talk<C>(more: fn(&mut Routes), client: C) -> String
where
    C: FnOnce(&mut StdStream) + Send + 'static,
{
    let state = state_for_tests();
    let app = map_config(app_with(&state, more), |()| AppConfig::default()).new_service(()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut there = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let (here, peer) = listener.accept().unwrap();
    here.set_nonblocking(true).unwrap();
    let transport = Transport::Plain(TcpStream::from_std(here).unwrap());
    let watched = Watched::new(transport, Rc::new(Connection::new(Rc::new(Clock::new()))), state);
    let heard = spawn_blocking(move || {
        client(&mut there);
        let mut heard = String::new();
        there.read_to_string(&mut heard).unwrap();
        heard
    });
    serve(watched, Rc::new(app), peer, config()).await.unwrap();
    heard.await.unwrap()
}

/// The same of one that says this and is answered to the last.
pub(crate) async fn say(more: fn(&mut Routes), said: &'static str) -> String {
    talk(more, move |stream| {
        stream.write_all(said.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    })
    .await
}

fn odd(to: &mut Routes) {
    Methods::at("/bits").get(bits).mount(to);
    Methods::at("/echo").post(echo).mount(to);
    Methods::at("/deaf").post(deaf).mount(to);
    Methods::at("/same").get(same).mount(to);
}

/// An answer whose length nobody knows.
async fn bits() -> ApiResult {
    let bits = stream::iter(["one ", "", "two"].map(|bit| anyhow::Ok(Bytes::from(bit)).map_err(Into::into)));
    Ok(HttpResponse::Ok().streaming::<_, Box<dyn std::error::Error>>(bits))
}

async fn echo(body: Bytes) -> ApiResult {
    Ok(HttpResponse::Ok().body(body))
}

/// Has no use for a body.
async fn deaf() -> ApiResult {
    Ok(HttpResponse::Ok().body("deaf"))
}

async fn same() -> ApiResult {
    Ok(HttpResponse::NotModified().insert_header(("content-length", "7")).finish())
}

/// How often the heads of these answers have this line.
fn count(answers: &str, line: &str) -> usize {
    answers.matches(&format!("\r\n{line}\r\n")).count()
}

const BITS: &str = "GET /api/v1/bits HTTP/1.1\r\nhost: a\r\n\r\n";

#[actix_web::test]
async fn what_comes_bit_by_bit_comes_in_chunks() {
    let answer = say(odd, BITS).await;
    assert_eq!(count(&answer, "transfer-encoding: chunked"), 1, "{answer}");
    assert!(answer.ends_with("\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"), "{answer}");
    assert!(!answer.contains("content-length") && !answer.contains("connection: close"), "{answer}");
}

/// As with events, of which nobody knows when the next one comes: here when the first was heard.
#[actix_web::test]
async fn what_there_is_is_sent_before_more_is_waited_for() {
    static HEARD: Notify = Notify::const_new();
    async fn events() -> ApiResult {
        let first = stream::iter([Bytes::from_static(b"first")]);
        let last = stream::once(async {
            HEARD.notified().await;
            Bytes::from_static(b"last")
        });
        let events = first.chain(last).map(|event| anyhow::Ok(event).map_err(Into::into));
        Ok(HttpResponse::Ok().streaming::<_, Box<dyn std::error::Error>>(events))
    }
    let rest = talk(
        |to| Methods::at("/events").get(events).mount(to),
        |stream| {
            stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let (mut heard, mut byte) = (Vec::new(), [0]);
            while !heard.ends_with(b"\r\n\r\n5\r\nfirst\r\n") {
                stream.read_exact(&mut byte).expect("the first event");
                heard.push(byte[0]);
            }
            HEARD.notify_one();
        },
    );
    assert_eq!(rest.await, "4\r\nlast\r\n0\r\n\r\n");
}

#[actix_web::test]
async fn who_does_not_know_chunks_hears_until_the_connection_ends() {
    let answer = say(odd, "GET /api/v1/bits HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
    assert_eq!(count(&answer, "connection: close"), 1, "{answer}");
}

#[actix_web::test]
async fn an_old_client_is_told_what_becomes_of_the_connection() {
    let old = "GET /health/live HTTP/1.0\r\n";
    let answers =
        say(odd, "GET /health/live HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /health/live HTTP/1.0\r\n\r\n");
    let answers = answers.await;
    assert_eq!(
        (count(&answers, "connection: keep-alive"), count(&answers, "connection: close")),
        (1, 1),
        "{old} {answers}"
    );
}

#[actix_web::test]
async fn nothing_is_read_behind_the_last_answer() {
    let closing =
        "GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\nGET /nowhere HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = say(odd, closing).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[actix_web::test]
async fn head_and_304_have_no_body() {
    let answers = say(
        odd,
        "HEAD /health/live HTTP/1.1\r\nhost: a\r\n\r\nHEAD /api/v1/bits HTTP/1.1\r\nhost: a\r\n\r\n\
         GET /api/v1/same HTTP/1.1\r\nhost: a\r\n\r\n",
    )
    .await;
    assert_eq!(answers.matches("\r\n\r\n").count(), 3, "{answers}");
    assert_eq!(count(&answers, "content-length: 7"), 1, "{answers}");
    assert!(answers.ends_with("\r\n\r\n"), "{answers}");
}

/// A body that nobody wanted is no reason to end a connection, if it has an end that can be seen.
#[actix_web::test]
async fn behind_a_body_that_nobody_reads_the_next_request_is_found() {
    for (body, goes_on) in [
        ("content-length: 5\r\n\r\nhello", true),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", false),
        ("content-length: 100000\r\n\r\nhello", false),
        ("content-length: 5\r\nexpect: 100-continue\r\n\r\n", false),
    ] {
        let answers = talk(odd, move |stream| {
            write!(stream, "POST /api/v1/deaf HTTP/1.1\r\nhost: a\r\n{body}{BITS}").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let answers = answers.await;
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 1 + usize::from(goes_on), "{body}: {answers}");
        assert_eq!(count(&answers, "connection: close"), usize::from(!goes_on), "{body}: {answers}");
    }
}

#[actix_web::test]
async fn who_holds_a_body_back_is_asked_for_it() {
    let answer = talk(odd, |stream| {
        stream
            .write_all(b"POST /api/v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
            .unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
}

/// More than is sent together with its head, and than the system takes at once.
#[actix_web::test]
async fn a_long_body_comes_whole() {
    const LONG: usize = 10_000_000 - 1;
    fn long(to: &mut Routes) {
        Methods::at("/long").get(async || ApiResult::Ok(HttpResponse::Ok().body("x".repeat(LONG)))).mount(to);
    }
    let answer = say(long, "GET /api/v1/long HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(count(head, &format!("content-length: {LONG}")) == 1 && body.len() == LONG, "{head}: {}", body.len());
}
