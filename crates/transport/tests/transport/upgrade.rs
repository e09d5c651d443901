//! `WebSocket` through actix-ws.

use std::io::{Read, Write};

use crate::{
    client::{connect, read_until},
    server::{TestServer, settings},
};

/// A masked text frame (RFC 6455 5.2).
fn text(text: &str) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let masked = text.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [0x81, 0x80 | u8::try_from(text.len()).unwrap()].into_iter().chain(mask).chain(masked).collect()
}

#[test]
fn websockets_are_served_by_actix_ws() {
    let server = TestServer::start(settings());
    let mut stream = connect(&server);
    let head = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The first message is sent together with the request.
    stream.write_all(&[head.as_bytes(), &text("hello")].concat()).unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    assert!(answer.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nconnection: upgrade\r\n") && answer.contains("\r\nupgrade: websocket\r\n"),
        "{answer}"
    );
    for (message, said) in [("hello", false), ("again", true)] {
        if said {
            stream.write_all(&text(message)).unwrap();
        }
        let mut frame = vec![0; 2 + message.len()];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(frame, [&[0x81, 5], message.as_bytes()].concat());
    }
    // A close frame is answered, and the connection ends.
    stream.write_all(&[0x88, 0x80, 0, 0, 0, 0]).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x88, 0]);
}
