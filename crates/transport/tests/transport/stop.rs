//! Stopping: no request is lost, and the stop does not take longer than necessary.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use entrepot_transport::Settings;

use crate::{
    client::{connect, read_to_end, read_until},
    server::{TestServer, settings},
};

const LIVE: &str = "GET /live HTTP/1.1\r\nhost: a\r\n\r\n";

#[test]
fn idle_connections_are_closed() {
    let mut server = TestServer::start(settings());
    let mut stream = connect(&server);
    for _ in 0..2 {
        stream.write_all(LIVE.as_bytes()).unwrap();
        let answer = read_until(&mut stream, "alive");
        assert!(answer.starts_with("HTTP/1.1 200 OK") && !answer.contains("connection: close"), "{answer}");
    }
    server.request_stop();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0, "it was closed, and not reset");
    server.join();
    assert!(TcpStream::connect(server.address).is_err());
}

/// One is silent, one has sent half a head, and one has sent a request.
#[test]
fn connections_that_are_being_opened_are_answered() {
    let mut server = TestServer::start(settings());
    let (mut silent, mut half, mut waiting) = (connect(&server), connect(&server), connect(&server));
    half.write_all(&LIVE.as_bytes()[..10]).unwrap();
    waiting.write_all(LIVE.as_bytes()).unwrap();
    let began = Instant::now();
    server.request_stop();
    half.write_all(&LIVE.as_bytes()[10..]).unwrap();
    for stream in [&mut waiting, &mut half] {
        let answer = read_to_end(stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    assert_eq!(read_to_end(&mut silent), "");
    server.join();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn stop_ends_at_its_timeout() {
    let mut server = TestServer::start(Settings { shutdown_timeout: Duration::from_secs(1), ..settings() });
    let mut hanging = connect(&server);
    hanging.write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n").unwrap();
    let began = Instant::now();
    server.request_stop();
    server.join();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn application_ends_endless_responses_at_a_stop() {
    let mut server = TestServer::start(settings());
    let mut stream = connect(&server);
    stream.write_all(LIVE.replace("live", "events").as_bytes()).unwrap();
    read_until(&mut stream, "\r\n\r\n5\r\nfirst\r\n");
    let began = Instant::now();
    server.request_stop();
    assert_eq!(read_to_end(&mut stream), "4\r\nlast\r\n0\r\n\r\n");
    server.join();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
