//! A client that sends HTTP/1 as bytes.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use crate::server::TestServer;

/// Longer than any test takes.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) fn connect(server: &TestServer) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends this, closes the sending side, and returns everything received.
pub(crate) fn round_trip(server: &TestServer, request: impl AsRef<[u8]>) -> String {
    let mut stream = connect(server);
    // The server may refuse before all is sent.
    stream.write_all(request.as_ref()).ok();
    stream.shutdown(Shutdown::Write).ok();
    read_to_end(&mut stream)
}

/// Returns everything received until the end.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    String::from_utf8(received).unwrap()
}

/// Reads until `end` was received.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut received, mut byte) = (Vec::new(), [0]);
    while !received.ends_with(end.as_bytes()) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "ended after {}", String::from_utf8_lossy(&received));
        received.push(byte[0]);
    }
    String::from_utf8(received).unwrap()
}

/// The statuses of several responses.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let heads = answers.split("HTTP/1.").skip(1);
    heads.map(|head| head.split(' ').nth(1).unwrap().parse().unwrap()).collect()
}
