//! Requests that arrive in two parts are answered like those that arrive at once.

use std::{io::Write, net::Shutdown};

use crate::{
    client::{connect, read_to_end, round_trip},
    server::{TestServer, settings},
};

const REQUESTS: [&str; 10] = [
    "GET /live HTTP/1.1\r\nhost: a\r\n\r\nHEAD /live HTTP/1.1\r\nhost: a\r\n\r\n",
    "\r\n\r\nGET /live HTTP/1.2\r\nhost: a\r\nupgrade: h2c\r\n\r\nGET /parts HTTP/1.1\r\nhost: a\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloGET /live HTTP/1.1\r\nhost: a\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\na: b\r\n\r\nGET /live HTTP/1.1\r\nhost: a\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\nGET /live HTTP/1.1\r\nhost: a\r\n\r\n",
    "POST /deaf HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloGET /live HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET /live HTTP/1.1\nhost: a\n\nGET /live HTTP/2.0\r\nhost: a\r\n\r\n",
    "GET /live HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "GET /live HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n",
    "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
];

/// The responses without their dates.
fn undated(answers: &str) -> String {
    answers.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn requests_may_be_split_at_every_byte() {
    let server = TestServer::start(settings());
    for request in REQUESTS {
        let whole = undated(&round_trip(&server, request));
        assert!(whole.starts_with("HTTP/1.1 "), "{request:?}: {whole}");
        for split in 1..request.len() {
            let mut stream = connect(&server);
            stream.write_all(&request.as_bytes()[..split]).unwrap();
            // So that the server usually sees the first part alone.
            std::thread::yield_now();
            stream.write_all(&request.as_bytes()[split..]).ok();
            stream.shutdown(Shutdown::Write).ok();
            assert_eq!(undated(&read_to_end(&mut stream)), whole, "{request:?} at {split}");
        }
        let mut stream = connect(&server);
        for byte in request.as_bytes() {
            stream.write_all(&[*byte]).ok();
        }
        stream.shutdown(Shutdown::Write).ok();
        assert_eq!(undated(&read_to_end(&mut stream)), whole, "{request:?} byte by byte");
    }
}
